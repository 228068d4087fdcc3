"""PNGs of the images that TensorFlow does not decode, and what they are called."""

import itertools
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from PIL import Image

from yolact_tf.files import PathLike
from yolact_tf.images.inspection import DECODED_ALWAYS, ImageHeader, inspect_bytes, inspect_file
from yolact_tf.images.with_pillow import decoded_by_pillow


def write_png(source: PathLike | bytes, path: PathLike) -> None:
    """Writes an image file of any format, or its bytes, as an upright PNG of 8 bits. ValueError for none."""
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = "embedded image" if isinstance(source, bytes) else source
    Image.fromarray(decoded_by_pillow(data, name)).save(path, "PNG")


def header_of_other(source: PathLike | bytes) -> ImageHeader | None:
    """The ImageHeader of an image file, or of its bytes, where TensorFlow does not decode it; else None."""
    if isinstance(source, bytes):
        head, name = source[:4], "embedded image"
    else:
        with open(source, "rb") as file:
            head, name = file.read(4), str(source)
    if head.startswith(DECODED_ALWAYS):
        return None
    header = inspect_bytes(source, name) if isinstance(source, bytes) else inspect_file(source)
    return header if header.other else None


def png_names(names: Iterable[str], others: Iterable[str]) -> dict[str, str]:
    """{name: name of its PNG} of `others` among the `names` of files, no two of which become alike."""
    taken, renamed = set(names).difference(others := list(others)), {}
    for name in others:
        plain = str(PurePosixPath(name).with_suffix(".png"))
        longer = (f"{name}{number}.png" for number in itertools.chain([""], itertools.count(2)))
        renamed[name] = next(new for new in itertools.chain([plain], longer) if new not in taken)
        taken.add(renamed[name])
    return renamed
