"""WebP files: an animation is decoded without writing past the end of its memory."""

from yolact_tf.structures import Tensor

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

_FLAGS = 20  # where an extended file says what is in it
_ANIMATED, _TRANSPARENT = 0x02, 0x10


def decode_webp(encoded: Tensor) -> Tensor:
    """Scalar bytes of a WebP to [H, W, 3] uint8 RGB, of an animation the first frame. Graph code."""
    # One with transparency has four channels, and TensorFlow wants to be asked for them.
    return tf.io.decode_image(with_room(encoded), channels=0, expand_animations=False)[..., :3]


def with_room(encoded: Tensor) -> Tensor:
    """The bytes of a WebP, an animation always marked as transparent.

    TensorFlow writes four channels of an animation, but makes room for three where the mark is missing:
    the process dies of that sooner or later.
    """
    head = tf.strings.substr(encoded, 0, _FLAGS + 1) + bytes(_FLAGS + 1)  # the file may be shorter
    flags = tf.io.decode_raw(tf.strings.substr(head, _FLAGS, 1), tf.uint8)[0]
    is_animated = tf.equal(tf.strings.substr(head, 12, 4), b"VP8X") & (flags // _ANIMATED % 2 == 1)

    def marked():
        # What else may be marked, colour profiles and notes, is nothing that a decoder uses.
        mark = tf.constant(bytes([_ANIMATED | _TRANSPARENT]))
        rest = tf.strings.substr(encoded, _FLAGS + 1, tf.strings.length(encoded))
        return tf.strings.substr(encoded, 0, _FLAGS) + mark + rest

    return tf.cond(is_animated, marked, lambda: encoded)
