"""What a user reads where something cannot be written."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


def foreign(path: Path, what: str) -> ValueError:
    """The error for a file at `path`, not of `yolact detect`, where `what` would be written."""
    return ValueError(
        f"--output must be a folder where {what} can be written without overwriting a file that `yolact "
        f"detect` did not write. Received one with {str(path)!r}"
    )


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Says which file it is that cannot be written, such as on a full disk."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: expected to write it. Received: {error.strerror or error}") from None
