"""Whatever unambiguously is an image, to the RGB pixels that engines take."""

import os
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from yolact_tf.files import PathLike
from yolact_tf.images.decoding import decode_any, read_bytes
from yolact_tf.images.inspection import ALPHA, remarks_on
from yolact_tf.images.room import require_room
from yolact_tf.images.with_pillow import rgb_of

ImageInput = PathLike | bytes | IO[bytes] | Image.Image | np.ndarray
_ARRAY = (
    "An image must be a [height, width, 3] uint8 array of RGB, of one pixel or more, one of gray ([height, "
    "width] or [height, width, 1]) or RGBA ([height, width, 4]), a path, a file's bytes or a Pillow image"
)
_CHANNELS = (1, 3, 4)


class Pixels(NamedTuple):
    """An image as engines take it."""

    rgb: np.ndarray  # [H, W, 3] uint8
    remarks: tuple[str, ...] = ()  # what of the image is not seen


def pixels_of(image: ImageInput) -> Pixels:
    """The Pixels of an image, upright: files and Pillow images are turned by their EXIF.

    ValueError in one line for an array that is no image or may be several, and for what cannot be read.
    """
    if isinstance(image, (str, os.PathLike)):
        return pixels_of_bytes(read_bytes(image), os.fspath(image))
    if isinstance(image, (bytes, bytearray, memoryview)):
        return pixels_of_bytes(bytes(image), "bytes")
    if isinstance(image, Image.Image):
        if not all(image.size):
            raise ValueError(f"{_ARRAY}. Received: a Pillow image of {image.width}x{image.height} pixels")
        return Pixels(rgb_of(image), (ALPHA,) if image.has_transparency_data else ())
    if hasattr(image, "read"):
        data = image.read()
        if not isinstance(data, bytes):
            raise ValueError(f"{_ARRAY}. Received: a file that is not open for bytes")
        return pixels_of_bytes(data, getattr(image, "name", "an open file"))
    return _of_array(image)


def pixels_of_bytes(data: bytes, name: PathLike) -> Pixels:
    """`pixels_of` the bytes of a file, which messages call `name`."""
    require_room(data, name)
    return Pixels(decode_any(data, name), remarks_on(data))


def _of_array(image):
    if not hasattr(image, "__array__"):
        nothing = "None, as OpenCV gives for a file it cannot read"
        raise ValueError(f"{_ARRAY}. Received: {nothing if image is None else type(image).__name__}")
    array = np.asarray(image)
    if (advice := _advice(array)) is not None:
        raise ValueError(f"{_ARRAY}. Received: shape {array.shape}, dtype {array.dtype}{advice}")
    if array.ndim == 2 or array.shape[2] == 1:
        return Pixels(np.repeat(array.reshape(*array.shape[:2], 1), 3, 2))
    return Pixels(array[..., :3], (ALPHA,) if array.shape[2] == 4 else ())


def _advice(array):
    """What would make an array an image, "" where nobody knows; None where it plainly is one."""
    if array.ndim == 4:
        return "; list(images) would be a batch"
    if array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS:
        return ", channels first; np.moveaxis(image, 0, -1) would do"
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in _CHANNELS)
    if not is_image or not array.size or array.dtype.kind not in "biuf":
        return ""
    return None if array.dtype == np.uint8 else f"; {_way_to_uint8(array)}"


def _way_to_uint8(array):
    low, high = array.min(), array.max()
    if array.dtype == bool:
        return "image.astype('uint8') * 255 would do"
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return "if 1 is white, (image * 255).round().astype('uint8') would do"
    if low >= 0 and high <= 255:
        return "if 255 is white, image.round().astype('uint8') would do"
    return f"bring its numbers, {low:g} to {high:g}, to uint8 of 0..255 as they are meant"
