"""BMP files: which of the many kinds are read, and the colours of their palettes."""

from collections.abc import Callable

from yolact_tf.structures import Tensor

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

ODD_BMP = "a BMP that is compressed, or not of 8, 24 or 32 bits a pixel"
_HEADERS = 66  # bytes: of the file, of the picture, and which bits are which colour
_BLUE_GREEN_RED = b"\0\0\xff\0\0\xff\0\0\xff\0\0\0"
_PALETTE = 256 * 4  # bytes: blue, green, red and nothing


def is_plain_bmp(part: Callable[[int, int], bytes | Tensor]) -> bool | Tensor:
    """Whether a BMP is of a kind that is read right.

    part: part(at, size) gives bytes of the file, as Python's bytes or as a scalar tensor.
    """
    bits, compression = part(28, 2), part(30, 4)
    is_deep = bits == b"\x20\0"
    has_usual_masks = (compression == b"\3\0\0\0") & (part(54, 12) == _BLUE_GREEN_RED)
    is_plain = (compression == b"\0\0\0\0") & (is_deep | (bits == b"\x18\0") | (bits == b"\x08\0"))
    is_recent = part(14, 4) != b"\x0c\0\0\0"  # OS/2 1.x has other headers
    return is_recent & (is_plain | (is_deep & has_usual_masks))


def decode_bmp(encoded: Tensor) -> Tensor:
    """Scalar bytes of a BMP to [H, W, 3] uint8 RGB. Graph code; fails where `is_plain_bmp` does."""
    padded = encoded + bytes(_HEADERS + _PALETTE)
    is_plain = is_plain_bmp(lambda at, size: tf.strings.substr(padded, at, size))
    with tf.control_dependencies(holds(is_plain, f"{ODD_BMP}; a PNG of it would do")):
        values = tf.io.decode_bmp(tf.identity(encoded), channels=0)
    has_palette = tf.shape(values)[-1] == 1
    return tf.cond(has_palette, lambda: _in_colour(values[..., 0], padded), lambda: values[..., :3])


def holds(condition: Tensor, message: str) -> list[Tensor]:
    """Control dependencies that fail with InvalidArgumentError and `message` where `condition` is false."""
    check = tf.debugging.assert_equal(condition, True, message)
    return [] if check is None else [check]


def _in_colour(values, padded):
    """[H, W] numbers to the colours of the palette, which follows the header."""
    size = tf.io.decode_raw(tf.strings.substr(padded, 14, 4), tf.int32)[0]
    # A header that promises to be larger than the file has no palette.
    start = tf.clip_by_value(14 + size, 0, tf.strings.length(padded) - _PALETTE)
    palette = tf.reshape(tf.io.decode_raw(tf.strings.substr(padded, start, _PALETTE), tf.uint8), [256, 4])
    return tf.gather(palette[:, 2::-1], tf.cast(values, tf.int32))
