"""Encoded images to upright RGB pixels, the same way in training, evaluation and serving."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from yolact_tf.files import PathLike
from yolact_tf.images.bmp import ODD_BMP, decode_bmp, holds, is_plain_bmp
from yolact_tf.images.gif import PARTIAL_GIF, decode_gif, screen_of
from yolact_tf.images.truncated_jpeg import CUT_SHORT, FILLINGS, is_cut_short, jpeg_end
from yolact_tf.images.webp import decode_webp
from yolact_tf.structures import Tensor
from yolact_tf.tracing import traced_once

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP")  # MPO: a JPEG followed by more JPEGs
EXIF_ORIENTATION = 0x0112
_EXIF_REACH = 1 << 16  # the orientation lies in the first segments; thumbnails come after
_MAX_IFD_ENTRIES = 64


def decode_image(encoded: Tensor) -> Tensor:
    """Scalar bytes of an image file of one of FORMATS to [H, W, 3] uint8 RGB, upright.

    Grayscale, CMYK, palette and 16-bit images are converted, transparency is dropped, animations give
    their first frame, and the EXIF orientation of a JPEG is applied. Graph code of stock TensorFlow ops.
    """
    return orient(_decode_stored(encoded), exif_orientation(encoded))


@traced_once
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
    """[H, W, 3] uint8 RGB of an image file, upright. ValueError where it is none."""
    if tf is None:
        return read_with_pillow(path)
    try:
        encoded = tf.io.read_file(str(path))
    except tf.errors.NotFoundError:
        raise FileNotFoundError(f"{path}: no such image file") from None
    except tf.errors.OpError as error:  # such as that of a folder, or of a disk
        raise OSError(f"{path}: expected an image file. Received: {reason_of(error)}") from None
    return decoded(encoded, path)


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
    inspect_image(path)
    with Image.open(path) as image:
        is_jpeg = image.format in ("JPEG", "MPO")
        try:
            pixels = np.asarray(_in_8_bits(image).convert("RGB"))
            if (
                is_jpeg
                and (pixels[-1, -1] == FILLINGS).all(1).any()
                and is_cut_short(Path(path).read_bytes())
            ):
                raise OSError(CUT_SHORT)
        except OSError as error:
            raise ValueError(f"{path}: expected an image. Received: {error}") from None
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB")) if is_jpeg else pixels


def _in_8_bits(image):
    """A Pillow image of 16 bits with the upper half of them, any other as it is."""
    if not image.mode.startswith("I"):
        return image
    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))


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
        ],
        lambda: tf.io.decode_image(encoded, channels=3, expand_animations=False),
    )
    image.set_shape((None, None, 3))
    return image


def orient(image: Tensor, orientation: Tensor) -> Tensor:
    """[H, W, 3] pixels turned upright by their EXIF orientation, 1..8; others leave them alone."""
    swap = orientation >= 5  # the axes; flips come after it
    flip_x = tf.reduce_any(tf.equal(orientation, [2, 3, 6, 7]))
    flip_y = tf.reduce_any(tf.equal(orientation, [3, 4, 7, 8]))
    image = tf.cond(swap, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
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
    is_orientation = tf.logical_and(in_use, tf.equal(number(entries, 2), EXIF_ORIENTATION))
    value = tf.reduce_max(tf.where(is_orientation, number(entries + 8, 2), 0))
    is_jpeg = tf.equal(tf.strings.substr(encoded, 0, 2), b"\xff\xd8")
    known = tf.logical_and(tf.logical_and(is_jpeg, start >= 6), tf.logical_and(value > 0, value < 9))
    return tf.where(known, value, 1)


def inspect_image(path: PathLike) -> tuple[int, int]:
    """(width, height) of the upright image at `path`, after checks that cost no full decoding.

    ValueError in one line for a file that is no image, is cut short, or has a format that the
    decoder does not read; FileNotFoundError for none at all.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such image file") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return _inspect(path, image, data)
    except UnidentifiedImageError:
        raise ValueError(
            f"{path}: expected an image ({', '.join(FORMATS)}). Received {len(data)} bytes "
            f"starting {data[:8]!r}"
        ) from None
    except (OSError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: expected a whole image. Received: {error}") from None


def _inspect(path, image, data):
    is_jpeg = image.format in ("JPEG", "MPO")
    if image.format not in FORMATS:
        raise ValueError(
            f"{path}: expected one of {', '.join(FORMATS)}; a PNG of it would do. "
            f"Received: {image.format} {image.mode}"
        )
    if image.format == "BMP" and not is_plain_bmp(lambda at, size: data[at : at + size]):
        raise ValueError(f"{path}: expected an image. Received: {ODD_BMP}")
    if image.format == "GIF" and [tile[1] for tile in image.tile] != [(0, 0, *screen_of(data))]:
        raise ValueError(f"{path}: expected an image. Received: {PARTIAL_GIF}")
    width, height = image.size
    orientation = image.getexif().get(EXIF_ORIENTATION, 1) if is_jpeg else 1
    if is_jpeg and jpeg_end(data) < 0:
        raise ValueError(f"{path}: expected a whole JPEG. Received one without its end marker")
    if image.format == "PNG":
        image.verify()  # walks the chunks and their checksums
    if image.format in ("GIF", "BMP"):
        image.load()  # nothing cheaper tells that they are cut short
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _find(values, pattern):
    """First index of the byte `pattern` in a vector of byte values, or -6 where it is absent."""
    count = tf.size(values) - len(pattern) + 1
    matches = tf.ones([count], tf.bool)
    for i, byte in enumerate(pattern):
        matches = tf.logical_and(matches, tf.equal(values[i : i + count], byte))
    first = tf.cast(tf.argmax(tf.cast(matches, tf.int32)), tf.int32)
    return tf.where(tf.reduce_any(matches), first, -len(pattern))
