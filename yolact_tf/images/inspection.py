"""What an image file is, found without decoding where that can be: its size, format, orientation, pages."""

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from yolact_tf.files import PathLike
from yolact_tf.images.bmp import ODD_BMP, is_plain_bmp
from yolact_tf.images.gif import PARTIAL_GIF, screen_of
from yolact_tf.images.orientation import TAG, turned_size
from yolact_tf.images.truncated_jpeg import jpeg_end
from yolact_tf.images.with_pillow import decode_with_pillow, one_line, opened, orientation_of, what_is_missing

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP")  # MPO: a JPEG followed by more JPEGs
# First bytes of those of which TensorFlow reads every kind.
DECODED_ALWAYS = (b"\xff\xd8", b"\x89PNG", b"RIFF")
# Endings of image files: of FORMATS first, then of what Pillow reads beside them.
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".jpe", ".jfif", ".mpo", ".dib"),
    *(".tif", ".tiff", ".heic", ".heif", ".hif", ".avif", ".jp2", ".j2k", ".jpx"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".ico", ".psd", ".pcx", ".sgi", ".dds"),
)
_JPEG = b"\xff\xd8"
_TAIL = 4096  # bytes that tools may append to a JPEG; where there are more it is read whole
ALPHA = "an alpha channel, which is dropped"
PAGES = "several pages or frames, of which the first is read"


class ImageHeader(NamedTuple):
    """What an image file turned out to be."""

    size: tuple[int, int]  # (width, height), upright
    orientation: int = 1  # EXIF's, by which its stored pixels are turned
    other: str = ""  # what it is where TensorFlow does not decode it
    num_pages: int = 1  # or frames, of which the first is read
    has_alpha: bool = False

    @property
    def stored_size(self) -> tuple[int, int]:
        """(width, height) before it is turned."""
        return turned_size(self.size, self.orientation)


def inspect_file(path: PathLike) -> ImageHeader:
    """The ImageHeader of the image file at `path`, after checks that cost no full decoding.

    ValueError in one line for a file that is no image or is cut short, FileNotFoundError for none at all.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image file") from None
    return inspect_bytes(data, path)


def glance_at_file(path: PathLike) -> ImageHeader:
    """`inspect_file` of a JPEG by its head and its tail, which take a twentieth of the time; of others whole.

    What lies between is not looked at: to be told of damage there, inspect or decode.
    """
    with contextlib.suppress(Exception), open(path, "rb") as file:  # of any fault the others tell
        if file.read(2) == _JPEG:
            end = _last_end_marker(file)
            file.seek(0)
            with opened(file) as image:
                # What follows the head is the picture: an end marker before it is that of a thumbnail.
                if image.format == "JPEG" and end >= file.tell():
                    return _of_tensorflows(image)
    return inspect_file(path)


def _last_end_marker(file):
    """Where the last end marker of a JPEG file is, -1 where its tail has none."""
    size = file.seek(0, os.SEEK_END)
    tail = max(size - _TAIL, 0)
    file.seek(tail)
    at = file.read().rfind(b"\xff\xd9")
    return tail + at if at >= 0 else -1


def inspect_bytes(data: bytes, name: PathLike) -> ImageHeader:
    """The ImageHeader of the bytes of an image file. ValueError with `name` where they are none."""
    with _faults_named(name, data), opened(data) as image:
        header = _header(image, data)
    if data.startswith(_JPEG) and jpeg_end(data) < 0:
        raise ValueError(f"{name}: expected a whole JPEG. Received one without its end marker")
    return header


def remarks_on(data: bytes) -> tuple[str, ...]:
    """What of the bytes of a readable image file is not seen; nothing is told where Pillow refuses it."""
    found = {}
    if not data.startswith(b"\xff\xd8"):
        with contextlib.suppress(OSError, SyntaxError, Image.DecompressionBombError), opened(data) as image:
            found = {ALPHA: image.has_transparency_data, PAGES: getattr(image, "n_frames", 1) > 1}
    return tuple(remark for remark, is_so in found.items() if is_so)


def _header(image, data):
    if image.format not in FORMATS:
        return _of_another(image, data, f"{image.format} {image.mode}")
    if image.format == "BMP" and not is_plain_bmp(lambda at, size: data[at : at + size]):
        return _of_another(image, data, ODD_BMP)
    if image.format == "GIF" and not _fills_its_screen(image, data):
        return _of_another(image, data, PARTIAL_GIF)
    return _of_tensorflows(image)


def _of_another(image, data, description):
    """The ImageHeader of an image that Pillow reads: only reading it tells that it is whole."""
    num_pages, has_alpha = getattr(image, "n_frames", 1), image.has_transparency_data
    # Pillow turns a TIFF as it loads it, and then has no word of that.
    orientation = image.getexif().get(TAG, 1) if image.format == "TIFF" else orientation_of(image)
    height, width, _ = decode_with_pillow(data).shape
    return ImageHeader((width, height), orientation, description, num_pages, has_alpha)


def _of_tensorflows(image):
    is_jpeg = image.format in ("JPEG", "MPO")
    orientation = orientation_of(image) if is_jpeg else 1
    has_alpha = image.has_transparency_data
    # The other pictures of an MPO are views, depths and lights of the first.
    num_pages = 1 if is_jpeg else getattr(image, "n_frames", 1)
    if image.format == "PNG":
        image.verify()  # walks the chunks and their checksums
    if image.format in ("GIF", "BMP"):
        image.load()  # nothing cheaper tells that they are cut short
    return ImageHeader(turned_size(image.size, orientation), orientation, "", num_pages, has_alpha)


def _fills_its_screen(image, data):
    return [tile[1] for tile in image.tile] == [(0, 0, *screen_of(data))]


@contextlib.contextmanager
def _faults_named(name: PathLike, data: bytes) -> Iterator[None]:
    """Says in one line that names an image what is wrong with it."""
    try:
        yield
    except UnidentifiedImageError:
        received = what_is_missing(data) or f"{len(data)} bytes starting {data[:8]!r}"
        raise ValueError(f"{name}: expected an image ({', '.join(FORMATS)}). Received {received}") from None
    except Exception as error:  # what decoders raise for a damaged file is of no one kind
        raise ValueError(f"{name}: expected a whole image. Received: {one_line(error)}") from None
