"""Images as Pillow reads them: what TensorFlow does not decode, such as TIFF and HEIC, and all without it."""

import contextlib
import functools
import io
import re
import sys
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image

from yolact_tf.files import PathLike
from yolact_tf.images.deep_pixels import in_8_bits
from yolact_tf.images.orientation import TAG, turn

# Colours of 16 bits, of which Pillow keeps the upper 8, by the name of their order in the file.
_DEEP_COLOURS = re.compile(r"(RGB|RGBA|RGBX|RGBa|LA);16([LBN])")
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_PPM_OF_16_BITS = ("RGB", 65535)  # Pillow's arguments for it
# The start of its data and the number of bits of its first channel.
_JPEG2000_OF_16_BITS = re.compile(rb"\xff\x4f\xff\x51.{38}\x0f", re.DOTALL)
_UPPER_BITS = 64  # of 256: from here on no smaller number of bits holds them
_UNSIGNED = "I;32N"  # whole numbers of 32 bits, which Pillow takes for signed ones
_HEIC = re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
_UNPREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284  # of TIFF: bits a channel, what 0 is, whether channels are apart
_KIND, _REDUCED, _SUB_IFDS = 254, 1, 330  # of TIFF: of a picture, that of a smaller copy, where others are
_GDAL_NODATA = 42113
_PNG_HELPS = "a PNG of it would do"


@contextlib.contextmanager
def opened(data: bytes | BinaryIO) -> Iterator[Image.Image]:
    """The first picture of an image file or its bytes, not yet decoded. UnidentifiedImageError for others."""
    _has_heif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, and of damage that an error follows
        with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as image:
            yield image


def what_is_missing(data: bytes) -> str:
    """What Pillow would need to read bytes that it does not know, as far as it can be told; else ""."""
    if _HEIC.match(data) and not _has_heif():
        return "HEIC, which Pillow reads with pip install pillow-heif"
    return f"a TIFF of a kind that Pillow does not read; {_PNG_HELPS}" if data[:4] in _TIFFS else ""


def one_line(error: Exception) -> str:
    """What an error says."""
    return " ".join(str(error).split()) or type(error).__name__


def decoded_by_pillow(data: bytes, name: PathLike) -> np.ndarray:
    """[H, W, 3] uint8 RGB of the bytes of an image file, upright. ValueError with `name` where it is none."""
    try:
        return decode_with_pillow(data)
    except Exception as error:  # what plugins raise for a damaged file is of no one kind
        reason = what_is_missing(data) or one_line(error)
        raise ValueError(f"{name}: expected an image. Received: {reason}") from None


def decode_with_pillow(data: bytes) -> np.ndarray:
    """`decoded_by_pillow` that raises whatever Pillow and its plugins do."""
    with opened(data) as image:
        return rgb_of(image)


def rgb_of(image: Image.Image) -> np.ndarray:
    """[H, W, 3] uint8 RGB of a Pillow image, upright by its EXIF; alpha is dropped.

    Of colours of 16 bits all are seen as long as Pillow has not loaded them, which keeps the upper 8.
    """
    return turn(_rgb_as_stored(image), orientation_of(image))


def orientation_of(image: Image.Image) -> int:
    """EXIF's orientation by which an image is still to be turned; 1 where Pillow or nobody does it."""
    # Pillow turns a TIFF itself as it loads it; and nobody turns a PNG or a WebP.
    if image.format in ("TIFF", "PNG", "WEBP"):
        return 1
    exif = Image.Exif()
    exif.load(image.info.get("exif") or b"")  # `getexif` would ask XMP as well, which TensorFlow does not
    value = exif.get(TAG, 1)
    return value if value in range(1, 9) else 1


def _rgb_as_stored(image):
    modes = _raw_modes(image)
    if len(modes) == 1 and (deep := _DEEP_COLOURS.fullmatch(*modes)):
        return in_8_bits(_without_gaps(_deep_colours(image, *deep.groups()), image))
    _require_own_picture(image)
    if image.mode == "F" or image.mode.startswith("I"):
        values = np.asarray(image)  # which loads it
        gray = in_8_bits(_without_gaps(values.view(np.uint32) if modes == {_UNSIGNED} else values, image))
        # Of fewer bits Pillow turns around those of which 0 is white.
        return np.repeat((255 - gray if _tags(image).get(_PHOTOMETRIC) == 0 else gray)[..., None], 3, 2)
    if image.mode in _UNPREMULTIPLIED:
        image = image.convert(_UNPREMULTIPLIED[image.mode])
    is_deep = image.format == "JPEG2000" and modes and _JPEG2000_OF_16_BITS.search(_bytes_of(image))
    pixels = np.asarray(image.convert("RGB"))
    if is_deep and pixels.max() < _UPPER_BITS:
        raise ValueError(f"a JPEG 2000 of 16 bits that uses few of them; {_PNG_HELPS}")
    return pixels


def _without_gaps(values, image):
    """Values of which what GDAL has for "not measured" is as dark as the darkest of the others.

    Such a one is far beyond them, so that they would all look alike beside it.
    """
    try:
        is_gap = values == float(_tags(image).get(_GDAL_NODATA, "nan").strip("\0"))
    except ValueError:
        return values
    return np.where(is_gap, values[~is_gap].min(), values) if is_gap.any() and not is_gap.all() else values


def _deep_colours(image, mode, order):
    """[H, W, 3] uint16 of an image with colours of 16 bits, `mode` and `order` as the file has them.

    Pillow keeps the upper 8 bits, so that it reads the file twice, the second time as if of the other order.
    """
    data = _bytes_of(image)
    if mode == "LA":  # of which Pillow has one order: the bytes of a pixel as if they were four channels
        gray = _read_as(data, image.tell(), "RGBA")
        return np.repeat(gray[..., :1] << 8 | gray[..., 1:2], 3, 2)
    channels = "RGBA" if mode == "RGBa" else mode
    upper, lower = (_read_as(data, image.tell(), f"{channels};16{o}") for o in (order, _OTHER_ORDER[order]))
    values = upper << 8 | lower
    if mode == "RGBa":
        opaque = values[..., :3] * np.uint32(65535) // np.maximum(values[..., 3:], 1)
        return np.minimum(opaque, 65535).astype(np.uint16)
    return values[..., :3]


def _bytes_of(image):
    """The file of an image that is not loaded yet."""
    at = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(at)
    return data


def _read_as(data, page, raw_mode):
    """[H, W, channels] uint16 of a page of an image file, its bytes understood as of `raw_mode`."""
    with opened(data) as image:
        image.seek(page)
        image.tile = [_with_raw_mode(tile, raw_mode) for tile in image.tile]
        return np.asarray(image).astype(np.uint16)


def _require_own_picture(image):
    """ValueError for a TIFF that Pillow takes for another: of 16 bits with each channel by itself, or raw."""
    tags = _tags(image)
    if tags.get(_KIND, 0) & _REDUCED and _SUB_IFDS in tags:
        raise ValueError(f"a camera's raw file, of which Pillow reads but the thumbnail; {_PNG_HELPS}")
    if tags.get(_PLANAR) == 2 and max(tags.get(_BITS, (8,))) > 8:
        raise ValueError(f"a TIFF of more than 8 bits with each channel by itself; {_PNG_HELPS}")


def _tags(image):
    return image.tag_v2 if image.format == "TIFF" else {}


def _raw_modes(image):
    """How the bytes of an image are understood that Pillow has yet to load; nothing of one that is loaded."""
    tiles = getattr(image, "tile", ())
    if tiles and image.fp is None:
        raise ValueError("expected an open Pillow image. Received one that is closed")
    return {_raw_mode(tile) for tile in tiles}


def _raw_mode(tile):
    codec, *_, args = tile
    if codec == "ppm" and tuple(args) == _PPM_OF_16_BITS:
        return "RGB;16B"
    return args if isinstance(args, str) else str(args[0] if args else "")


def _with_raw_mode(tile, mode):
    codec, *place, args = tile
    if codec == "ppm":
        codec, args = "raw", ""
    changed = (codec, *place, mode if isinstance(args, str) else (mode, *args[1:]))
    return tile._make(changed) if hasattr(tile, "_make") else changed  # a plain tuple before Pillow 11


@functools.cache
def _has_heif():
    """Whether Pillow's plugin for HEIC is installed, which this registers."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True
