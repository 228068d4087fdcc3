"""Image files of a data set: there, whole, of the size and format that they claim, and who equals whom."""

import concurrent.futures
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.files import PathLike
from yolact_tf.images.decoding import read_image
from yolact_tf.images.inspection import inspect_image
from yolact_tf.images.truncated_jpeg import CUT_SHORT, is_cut_short

TINY_SIDE = 8  # pixels
HUGE_AREA = 50_000_000  # pixels; 150 MB once decoded, as often as the pipeline has threads
_NUM_THREADS = 8  # as `load_coco`: reading waits for the disk
# First bytes of a format and the suffixes that promise it.
_FORMATS = {
    b"\xff\xd8\xff": ("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    b"\x89PNG": ("PNG", (".png",)),
    b"RIFF": ("WEBP", (".webp",)),
    b"GIF8": ("GIF", (".gif",)),
    b"BM": ("BMP", (".bmp", ".dib")),
}
_SUFFIXES = {suffix for _, suffixes in _FORMATS.values() for suffix in suffixes} | {".tif", ".tiff"}


@dataclass(frozen=True)
class ImageFile:
    """What an image file turned out to be."""

    size: tuple[int, int] | None = None  # (width, height) of the upright image; None where unreadable
    fault: tuple[str, str] | None = None  # (kind, message) of what makes it unreadable
    format: tuple[str, tuple[str, ...]] | None = None  # name and suffixes
    digest: bytes = b""  # of its bytes


def look_at_files(paths: Sequence[Path], decode: bool, advance: Callable[[], None]) -> dict[Path, ImageFile]:
    """{path: ImageFile}.

    decode: also decodes each image in full, which finds damage between intact headers and ends.
    advance: called without arguments after each file.
    """
    files = {}
    with concurrent.futures.ThreadPoolExecutor(_NUM_THREADS) as pool:
        for path, file in zip(paths, pool.map(lambda path: _look(path, decode), paths), strict=True):
            files[path] = file
            advance()
    return files


def check_file(path: PathLike, file: ImageFile, width: int, height: int) -> list[tuple[str, str]]:
    """[(kind, message)] of what is wrong with an image file that should be width x height pixels."""
    if file.size is None:
        return [file.fault] if file.fault else []
    faults = []
    if file.size != (width, height):
        received = f"{file.size[0]}x{file.size[1]}"
        faults.append(("wrong size", f"expected {width}x{height} pixels. Received: {received}"))
    suffix = Path(path).suffix
    if file.format and suffix.lower() in _SUFFIXES and suffix.lower() not in file.format[1]:
        name, (usual, *_) = file.format
        faults.append(("wrong suffix", f"expected a {name} to be named {usual}. Received: {suffix}"))
    if min(file.size) < TINY_SIDE:
        faults.append(("tiny image", f"{file.size[0]}x{file.size[1]} pixels"))
    if file.size[0] * file.size[1] > HUGE_AREA:
        faults.append(("huge image", f"{file.size[0]}x{file.size[1]} pixels"))
    return faults


def _require_whole(path, size):
    """ValueError where an image does not decode, to other than `size`, or a part of it would be made up."""
    height, width, _ = read_image(path).shape
    if (width, height) != size:
        raise ValueError(f"expected {size[0]}x{size[1]} pixels once decoded. Received: {width}x{height}")
    encoded = Path(path).read_bytes()
    if encoded.startswith(b"\xff\xd8") and is_cut_short(encoded):
        raise ValueError(f"expected an image. Received: {CUT_SHORT}")


def _look(path, decode):
    try:
        size = inspect_image(path)
        if decode:
            _require_whole(path, size)
        with open(path, "rb") as file:
            head = file.read(4)
            file.seek(0)
            digest = hashlib.file_digest(file, "blake2b").digest()[:16]
    except FileNotFoundError:
        return ImageFile(fault=("missing image", "expected an image file. Received: none"))
    except (OSError, ValueError) as error:
        return ImageFile(fault=("unreadable image", str(error).removeprefix(f"{path}: ")))
    known = (entry for signature, entry in _FORMATS.items() if head.startswith(signature))
    return ImageFile(size, None, next(known, None), digest)
