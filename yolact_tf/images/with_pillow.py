"""Images as Pillow reads them: what TensorFlow does not decode, such as TIFF and HEIC, and all without it."""

import contextlib
import functools
import io
import re
import sys
import warnings
from collections.abc import Iterator

import numpy as np
from PIL import Image

from yolact_tf.files import PathLike
from yolact_tf.images.deep_pixels import in_8_bits
from yolact_tf.images.orientation import TAG, turn

# Colours of 16 bits, of which Pillow keeps the upper 8, by the name of their order in the file.
_DEEP_COLOURS = re.compile(r"(RGB|RGBA|RGBX);16([LBN])")
_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_HEIC = re.compile(rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
_UNPREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}
_TIFFS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # first bytes
_BITS, _PHOTOMETRIC, _PLANAR = 258, 262, 284  # of TIFF: bits a channel, what 0 is, whether channels are apart
_PNG_HELPS = "a PNG of it would do"


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """The first picture of the bytes of an image file, not yet decoded. UnidentifiedImageError for others."""
    _has_heif()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes, and of damage that an error follows
        with Image.open(io.BytesIO(data)) as image:
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
        deep = _deep_colours(image, data)
        return rgb_of(image) if deep is None else turn(in_8_bits(deep), orientation_of(image))


def rgb_of(image: Image.Image) -> np.ndarray:
    """[H, W, 3] uint8 RGB of a Pillow image, upright by its EXIF; alpha is dropped."""
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
    if image.mode == "F" or image.mode.startswith("I"):
        gray = in_8_bits(np.asarray(image))  # which loads it
        # Of fewer bits Pillow turns around those of which 0 is white.
        return np.repeat((255 - gray if _tags(image).get(_PHOTOMETRIC) == 0 else gray)[..., None], 3, 2)
    if image.mode in _UNPREMULTIPLIED:
        image = image.convert(_UNPREMULTIPLIED[image.mode])
    return np.asarray(image.convert("RGB"))


def _deep_colours(image, data):
    """[H, W, 3] uint16 of an image with colours of 16 bits; None for any other.

    Pillow keeps the upper 8 bits, so that it reads the file twice, the second time as if of the other order.
    """
    found = [_DEEP_COLOURS.fullmatch(_raw_mode(tile)) for tile in image.tile]
    if not found or not all(found):
        _require_whole_colours(image)
        return None
    mode, order = found[0].groups()
    upper = np.asarray(image.convert("RGB")).astype(np.uint16)
    with opened(data) as again:
        other = f"{mode};16{_OTHER_ORDER[order]}"
        again.tile = [_with_raw_mode(tile, other) for tile in again.tile]
        return upper << 8 | np.asarray(again.convert("RGB"))


def _require_whole_colours(image):
    """ValueError for a TIFF that Pillow would take for another: of 16 bits, each channel by itself."""
    tags = _tags(image)
    if tags.get(_PLANAR) == 2 and max(tags.get(_BITS, (8,))) > 8:
        raise ValueError(f"a TIFF of more than 8 bits with each channel by itself; {_PNG_HELPS}")


def _tags(image):
    return image.tag_v2 if image.format == "TIFF" else {}


def _raw_mode(tile):
    *_, args = tile
    return args if isinstance(args, str) else str(args[0] if args else "")


def _with_raw_mode(tile, mode):
    *place, args = tile
    changed = (*place, mode if isinstance(args, str) else (mode, *args[1:]))
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
