"""Whether a decoded image fits into memory, asked before it is decoded."""

from PIL import Image, UnidentifiedImageError

from yolact_tf.files import PathLike
from yolact_tf.images.with_pillow import opened
from yolact_tf.memory import free_memory

# Three of uint8 as they are decoded, copied, and drawn on; twice three of float32: resized and drawn.
_BYTES_A_PIXEL = 3 * 3 + 2 * 12


def require_room(encoded: bytes, name: PathLike) -> None:
    """ValueError with `name` for the bytes of an image that takes more memory than there is to look at.

    Nothing is said of bytes that are no image.
    """
    pixels = _count_pixels(encoded)
    needed, free = pixels * _BYTES_A_PIXEL, free_memory()
    if needed > free:
        raise ValueError(
            f"{name}: expected an image that fits into the memory left, {free / 1e9:.1f} GB. Received one of "
            f"{pixels / 1e6:.0f} million pixels, which takes {needed / 1e9:.1f} GB"
        )


def _count_pixels(encoded):
    try:
        with opened(encoded) as image:
            return image.width * image.height
    except Image.DecompressionBombError:  # which TensorFlow, for all that, would decode
        from yolact_tf.images.headers import count_pixels

        return int(count_pixels(encoded))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return 0
