"""GIF files: of an animation the first frame is read, which has to be the whole picture."""

from yolact_tf.images.bmp import holds
from yolact_tf.structures import Tensor

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

PARTIAL_GIF = "a GIF whose first frame does not fill its screen"


def screen_of(encoded: bytes) -> tuple[int, int]:
    """(width, height) that the bytes of a GIF announce, whatever its frames are."""
    return int.from_bytes(encoded[6:8], "little"), int.from_bytes(encoded[8:10], "little")


def decode_gif(encoded: Tensor) -> Tensor:
    """Scalar bytes of a GIF to [H, W, 3] uint8 RGB, the first frame. Graph code.

    TensorFlow makes a picture as large as the largest frame: it fails where that is not the screen.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    head = tf.strings.substr(encoded, 0, 10) + bytes(10)  # the file may be shorter
    screen = tf.io.decode_raw(tf.strings.substr(head, 6, 4), tf.uint16)
    # A step of -1 through the shape itself has Grappler complain.
    size = tf.reverse(tf.cast(screen, tf.int32), [0])  # height, width
    is_whole = tf.reduce_all(tf.equal(tf.shape(image)[:2], size))
    with tf.control_dependencies(holds(is_whole, f"{PARTIAL_GIF}; a PNG of it would do")):
        return tf.identity(image)
