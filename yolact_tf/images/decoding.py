"""Encoded images to upright RGB pixels, the same way in training, evaluation and serving."""

import os
from pathlib import Path

import numpy as np

from yolact_tf.files import PathLike
from yolact_tf.images.bmp import decode_bmp, holds
from yolact_tf.images.deep_pixels import decode_deep_png, is_deep_png
from yolact_tf.images.gif import decode_gif
from yolact_tf.images.inspection import DECODED_ALWAYS, inspect_bytes
from yolact_tf.images.orientation import COLUMNS_REVERSED, FIRST_SWAPPED, ROWS_REVERSED, TAG
from yolact_tf.images.truncated_jpeg import CUT_SHORT, FILLINGS, is_cut_short
from yolact_tf.images.webp import decode_webp
from yolact_tf.images.with_pillow import decoded_by_pillow
from yolact_tf.structures import Tensor

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

_EXIF_REACH = 1 << 16  # the orientation lies in the first segments; thumbnails come after
_MAX_IFD_ENTRIES = 64


def decode_image(encoded: Tensor) -> Tensor:
    """Scalar bytes of an image file of one of FORMATS to [H, W, 3] uint8 RGB, upright.

    Grayscale, CMYK, palette and 16-bit images are converted (`deep_pixels` says how), transparency is
    dropped, animations give their first frame, and the EXIF orientation of a JPEG is applied. Graph code of
    stock TensorFlow ops.
    """
    return orient(_decode_stored(encoded), exif_orientation(encoded))


# Inlined where it is called, unlike what is `traced_once`: a function that fails cancels what runs beside it,
# and that it was cancelled is now and then all that is heard of a view whose file is broken.
def decode_whole_image(encoded: Tensor) -> Tensor:
    """`decode_image` that also fails where much of a JPEG is made up: graph code that asks Python.

    A decoder fills up with mid-grey what is missing before an end marker; only a JPEG whose last pixel
    looks like that is decoded again.
    """
    stored = _decode_stored(encoded)
    is_suspect = tf.io.is_jpeg(encoded) & tf.reduce_any(tf.reduce_all(stored[-1, -1] == FILLINGS, 1))

    def ask():
        # Eager code passes an array of the bytes instead of the bytes.
        is_cut = lambda data: is_cut_short(np.array(data, object).item())
        return tf.ensure_shape(tf.numpy_function(is_cut, [encoded], tf.bool, stateful=False), ())

    is_cut = tf.cond(is_suspect, ask, lambda: tf.constant(False))
    with tf.control_dependencies(holds(~is_cut, CUT_SHORT)):
        return orient(tf.identity(stored), exif_orientation(encoded))


def read_image(path: PathLike) -> np.ndarray:
    """[H, W, 3] uint8 RGB of an image file, upright: by TensorFlow, or by Pillow where only that reads it.

    ValueError where it is none.
    """
    return decode_any(read_bytes(path), path)


def read_bytes(path: PathLike) -> bytes:
    """The bytes of a file, near by or far away. FileNotFoundError or OSError in one line."""
    if tf is None:
        return _read_near_by(path)
    try:
        return tf.io.read_file(os.fspath(path)).numpy()
    except tf.errors.NotFoundError:
        raise FileNotFoundError(f"{path}: no such image file") from None
    except tf.errors.OpError as error:  # such as that of a folder, or of a disk
        raise OSError(f"{path}: expected an image file. Received: {reason_of(error)}") from None


def decode_any(encoded: bytes, name: PathLike) -> np.ndarray:
    """`read_image` of the bytes of a file, which messages call `name`."""
    if tf is None:
        return _whole_by_pillow(encoded, name)
    if not encoded.startswith(DECODED_ALWAYS) and inspect_bytes(encoded, name).other:
        return decoded_by_pillow(encoded, name)
    return decoded(encoded, name)


def decoded(encoded: bytes | Tensor, name: PathLike) -> np.ndarray:
    """[H, W, 3] uint8 RGB of the bytes of an image file, upright. ValueError with `name` where it is none."""
    try:
        return decode_whole_image(encoded).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(f"{name}: expected an image. Received: {reason_of(error)}") from None


def reason_of(error: "tf.errors.OpError") -> str:
    """What an OpError of eager code says, in one line without where."""
    return str(error.message).split("}} ")[-1].split(" [Op:")[0].splitlines()[0]


def read_with_pillow(path: PathLike) -> np.ndarray:
    """`read_image` where TensorFlow is not installed; pixels of a JPEG differ by the noise of decoders."""
    return _whole_by_pillow(_read_near_by(path), path)


def _read_near_by(path):
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image file") from None


def _whole_by_pillow(encoded, name):
    inspect_bytes(encoded, name)
    pixels = decoded_by_pillow(encoded, name)
    corners = pixels[[0, 0, -1, -1], [0, -1, 0, -1]]  # one is where the data end
    is_suspect = encoded.startswith(b"\xff\xd8") and (corners[:, None] == FILLINGS).all(-1).any()
    if is_suspect and is_cut_short(encoded):
        raise ValueError(f"{name}: expected an image. Received: {CUT_SHORT}")
    return pixels


def _decode_stored(encoded):
    """[H, W, 3] uint8 RGB as it lies in the file, before it is turned."""
    head = tf.strings.substr(encoded, 0, 4)  # shorter where the file is
    image = tf.case(
        [
            # Exact, as Pillow and OpenCV decode; the default of `decode_image` is a fast approximation.
            (
                tf.io.is_jpeg(encoded),
                lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
            ),
            (head == b"RIFF", lambda: decode_webp(encoded)),
            (head == b"GIF8", lambda: decode_gif(encoded)),
            (tf.strings.substr(encoded, 0, 2) == b"BM", lambda: decode_bmp(encoded)),
            (is_deep_png(encoded), lambda: decode_deep_png(encoded)),
        ],
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    image.set_shape((None, None, 3))
    return image


def orient(image: Tensor, orientation: Tensor) -> Tensor:
    """[H, W, 3] pixels turned upright by their EXIF orientation, 1..8; others leave them alone."""
    flip_x = tf.reduce_any(tf.equal(orientation, COLUMNS_REVERSED))
    flip_y = tf.reduce_any(tf.equal(orientation, ROWS_REVERSED))
    image = tf.cond(orientation >= FIRST_SWAPPED, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    image = tf.cond(flip_x, lambda: tf.reverse(image, [1]), lambda: image)
    image = tf.cond(flip_y, lambda: tf.reverse(image, [0]), lambda: image)
    image.set_shape((None, None, 3))
    return image


def exif_orientation(encoded: Tensor) -> Tensor:
    """EXIF orientation of encoded JPEG bytes as int32, 1 where there is none. Graph code."""
    head = tf.strings.substr(encoded, 0, _EXIF_REACH)
    # Most files have none, and the regular expression finds that out in half the time of a search.
    without = tf.strings.regex_replace(head, r"Exif\x00\x00", "", replace_global=False)
    has_exif = tf.strings.length(without) < tf.strings.length(head)
    return tf.cond(has_exif, lambda: _read_orientation(encoded, head), lambda: 1)


def _read_orientation(encoded, head):
    head = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int32)
    # Reading past the end gives zeros, which match no tag.
    head = tf.pad(head, [[0, 12 * _MAX_IFD_ENTRIES + 32]])
    start = _find(head, b"Exif\0\0") + 6
    little = tf.equal(tf.gather(head, start), ord("I"))

    def number(at, size):
        parts = tf.gather(head, tf.minimum(at[..., None] + tf.range(size), tf.size(head) - 1))
        parts = tf.where(little, tf.reverse(parts, [-1]), parts)
        return tf.reduce_sum(parts * [256**i for i in reversed(range(size))], -1)

    directory = start + tf.clip_by_value(number(start + 4, 4), 0, _EXIF_REACH)
    entries = directory + 2 + 12 * tf.range(_MAX_IFD_ENTRIES)
    in_use = tf.range(_MAX_IFD_ENTRIES) < number(directory, 2)
    is_orientation = tf.logical_and(in_use, tf.equal(number(entries, 2), TAG))
    value = tf.reduce_max(tf.where(is_orientation, number(entries + 8, 2), 0))
    is_jpeg = tf.equal(tf.strings.substr(encoded, 0, 2), b"\xff\xd8")
    known = tf.logical_and(tf.logical_and(is_jpeg, start >= 6), tf.logical_and(value > 0, value < 9))
    return tf.where(known, value, 1)


def _find(values, pattern):
    """First index of the byte `pattern` in a vector of byte values, or -6 where it is absent."""
    count = tf.size(values) - len(pattern) + 1
    matches = tf.ones([count], tf.bool)
    for i, byte in enumerate(pattern):
        matches = tf.logical_and(matches, tf.equal(values[i : i + count], byte))
    first = tf.cast(tf.argmax(tf.cast(matches, tf.int32)), tf.int32)
    return tf.where(tf.reduce_any(matches), first, -len(pattern))
