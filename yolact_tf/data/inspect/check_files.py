"""Image files of a data set: there, whole, of the size and format that they claim, and who equals whom."""

import concurrent.futures
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.data.coco.turning import turn_between
from yolact_tf.files import PathLike
from yolact_tf.images.decoding import read_image
from yolact_tf.images.inspection import FORMATS, ImageHeader, inspect_file
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

    header: ImageHeader | None = None  # None where unreadable
    fault: tuple[str, str] | None = None  # (kind, message) of what makes it unreadable
    format: tuple[str, tuple[str, ...]] | None = None  # name and suffixes
    digest: bytes = b""  # of its bytes

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the upright image; None where unreadable."""
        return self.header.size if self.header else None

    def turn(self, width: int, height: int) -> int | None:
        """The orientation by which annotations of width x height pixels turn upright; None if of another."""
        header = self.header
        return turn_between((width, height), header.size, header.orientation) if header else None


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
    if file.header is None:
        return [file.fault] if file.fault else []
    own_width, own_height = file.header.size
    faults = [*_check_frame(file.header, file.turn(width, height), width, height), *_notes_of(file.header)]
    suffix = Path(path).suffix
    if file.format and suffix.lower() in _SUFFIXES and suffix.lower() not in file.format[1]:
        name, (usual, *_) = file.format
        faults.append(("wrong suffix", f"expected a {name} to be named {usual}. Received: {suffix}"))
    if min(own_width, own_height) < TINY_SIDE:
        faults.append(("tiny image", f"{own_width}x{own_height} pixels"))
    if own_width * own_height > HUGE_AREA:
        faults.append(("huge image", f"{own_width}x{own_height} pixels"))
    return faults


def _check_frame(header, turn, width, height):
    """What is to be said of whose pixels annotations of width x height are."""
    upright = f"{header.size[0]}x{header.size[1]}"
    if turn is None:
        return [("wrong size", f"expected {width}x{height} pixels. Received: {upright}")]
    exif = f"EXIF orientation {header.orientation}"
    if turn != 1:
        expected = f"expected annotations of the upright {upright} pixels. Received: of {width}x{height}"
        return [("annotations of stored pixels", f"{expected}, as stored; they are turned by {exif}")]
    if header.orientation != 1 and header.stored_size == header.size:
        return [("orientation untold", f"{exif}, which no size tells of; annotations count as upright")]
    return []


def _notes_of(header):
    if header.other:
        expected = f"expected one of {', '.join(FORMATS)}; --fix writes a PNG"
        yield "other image format", f"{expected}. Received: {header.other}"
    if header.has_alpha:
        yield "alpha channel", "transparency is dropped, and the colours below it are seen"
    if header.num_pages > 1:
        yield "several pages", f"the first of {header.num_pages} pages or frames is read"


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
        header = inspect_file(path)
        if decode:
            _require_whole(path, header.size)
        with open(path, "rb") as file:
            head = file.read(4)
            file.seek(0)
            digest = hashlib.file_digest(file, "blake2b").digest()[:16]
    except FileNotFoundError:
        return ImageFile(fault=("missing image", "expected an image file. Received: none"))
    except (OSError, ValueError) as error:
        return ImageFile(fault=("unreadable image", str(error).removeprefix(f"{path}: ")))
    known = (entry for signature, entry in _FORMATS.items() if head.startswith(signature))
    return ImageFile(header, None, next(known, None), digest)
