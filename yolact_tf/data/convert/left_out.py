"""What of a data set is malformed: left out, counted and named, while the rest goes on."""

import contextlib
from typing import Self

from yolact_tf.files import PathLike


class LeftOut:
    """Objects and images that a reader leaves out, each as one line that says what is wrong with it."""

    def __init__(self) -> None:
        self.objects: list[str] = []
        self.images: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.objects or self.images)

    def skip_object(self, where: PathLike) -> contextlib.AbstractContextManager[None]:
        """A context that leaves out the object `where` it reads if that raises ValueError or OSError."""
        return _skip(self.objects, f"{where}: ")

    def skip_image(self) -> contextlib.AbstractContextManager[None]:
        """Likewise for an image, whose file the error names itself."""
        return _skip(self.images, "")

    def include(self, other: Self) -> None:
        """Adds what another left out."""
        self.objects += other.objects
        self.images += other.images

    @property
    def counts(self) -> str:
        """How many of each, in words."""
        numbers = {"image": len(self.images), "object": len(self.objects)}
        return ", ".join(f"{n} {noun}{'s' if n > 1 else ''}" for noun, n in numbers.items() if n)

    def first(self, count: int = 3) -> list[str]:
        """The lines of the first `count`, and one that says how many more there are."""
        lines = self.images + self.objects
        more = [f"and {len(lines) - count} more"] if len(lines) > count else []
        return lines[:count] + more


@contextlib.contextmanager
def _skip(lines, prefix):
    try:
        yield
    except (ValueError, OSError) as error:
        lines.append(" ".join(f"{prefix}{error}".split()))
