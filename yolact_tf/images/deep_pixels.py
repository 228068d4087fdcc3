"""Images of more than 8 bits a channel, brought to 8 by one rule, in graphs and in numpy.

The numbers of an image count as those of 8, 10, 12, 14 or 16 bits, the fewest that hold its greatest, and
the upper 8 of these bits are taken; floats up to 1 count as shares of white. Numbers below 0 or beyond 16
bits, and those that use less than a sixteenth of their bits' range, are spread over all of 0..255.
"""

import numpy as np

from yolact_tf.structures import Tensor

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

_WHITES = (255, 1023, 4095, 16383, 65535)
_NARROW = 16  # part of the range


def in_8_bits(values: np.ndarray) -> np.ndarray:
    """Integers or floats of one image, alpha left out, as uint8; what is not finite as the least."""
    is_float = values.dtype.kind == "f"
    # Large enough for 256 times what they hold.
    values = values.astype(np.float64 if is_float else np.int32 if values.itemsize < 3 else np.int64)
    finite = values[np.isfinite(values)] if is_float else values
    low, high = (finite.min(), finite.max()) if finite.size else (0, 0)
    white = next((w for w in ((1,) if is_float else ()) + _WHITES if high <= w), 0)
    is_narrow = white > _WHITES[0] and low < high and (high - low) * _NARROW <= white
    if low < 0 or not white or is_narrow:
        return _shares(values - low, high - low, 255)
    return _shares(values, white, 255) if is_float else _shares(values, white + 1, 256)


def decode_deep_png(encoded: Tensor) -> Tensor:
    """Scalar bytes of a PNG of 16 bits a channel to [H, W, 3] uint8 RGB. Graph code."""
    values = tf.io.decode_png(encoded, channels=3, dtype=tf.uint16)
    low, high = (tf.cast(extreme(values), tf.int32) for extreme in (tf.reduce_min, tf.reduce_max))
    bits = 8 + 2 * tf.reduce_sum(tf.cast(high > _WHITES[:-1], tf.int32))
    span = tf.maximum(high - low, 1)
    is_narrow = (bits > 8) & (low < high) & (span * _NARROW <= tf.bitwise.left_shift(1, bits) - 1)

    # Whole pictures of 32 bits a value, and divisions of each, would take ten times the memory and time.
    def spread():
        return tf.gather(tf.cast(tf.range(span + 1) * 255 // span, tf.uint8), tf.cast(values, tf.int32) - low)

    def cut():
        return tf.cast(tf.bitwise.right_shift(values, tf.cast(bits - 8, tf.uint16)), tf.uint8)

    return tf.cond(is_narrow, spread, cut)


def is_deep_png(encoded: Tensor) -> Tensor:
    """Whether scalar bytes are a PNG of 16 bits a channel. Graph code."""
    head = tf.strings.substr(encoded, 0, 25) + bytes(25)  # the file may be shorter
    return (tf.strings.substr(head, 0, 4) == b"\x89PNG") & (tf.strings.substr(head, 24, 1) == b"\x10")


def _shares(values, white, levels):
    """values / white, of the so many levels; of floats rounded, and what is not finite black."""
    if values.dtype.kind != "f":
        return (values * levels // max(white, 1)).astype(np.uint8)
    shares = np.nan_to_num(values / (white or 1), nan=0.0, posinf=0.0, neginf=0.0).clip(0, 1)
    return np.floor(shares * levels + 0.5).astype(np.uint8)
