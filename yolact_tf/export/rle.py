"""COCO compressed RLE and PNG of assembled masks, as graph code of stock TensorFlow ops."""

import tensorflow as tf

from yolact_tf.structures import Tensor

_CHARACTERS = 7  # of 5 bits each hold any int32 difference


def upsample_mask(mask: Tensor, box: Tensor, image_size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The part of the upsampled mask that holds anything: ([h, w] bool, y, x).

    mask: [Hp, Wp] probabilities, cropped.  box: [4] corners in 0..1.  image_size: [2] int32 height,
    width. The same bilinear, half-pixel, over-0.5 rule as `masks.upsample_to_image`.
    """
    columns = _axis_weights(box[0], box[2], mask.shape[1], image_size[1])
    rows = _axis_weights(box[1], box[3], mask.shape[0], image_size[0])
    return rows[0] @ mask @ tf.transpose(columns[0]) > 0.5, rows[1], columns[1]


def encode_rle(window: Tensor, y: Tensor, x: Tensor, image_size: Tensor) -> Tensor:
    """Compressed counts (scalar ASCII string) of a mask that is `window` at (y, x), zero elsewhere.

    Equal to pycocotools' `encode`: column-major runs, background first.
    """
    height, width = image_size[0], image_size[1]
    below = height - y - tf.shape(window)[0]
    # Full columns, so that runs between columns come out right; columns outside hold nothing.
    flat = tf.reshape(tf.pad(tf.transpose(window), [[0, 0], [y, below]]), [-1])
    padded = tf.pad(flat, [[1, 1]])
    changes = tf.cast(tf.where(padded[1:] != padded[:-1])[:, 0], tf.int32) + x * height
    total = height * width
    # A mask that ends with the image has no last background run.
    changes = tf.boolean_mask(changes, changes < total)
    edges = tf.concat([[0], changes, [total]], 0)
    return _compress(edges[1:] - edges[:-1])


def encode_png(window: Tensor, y: Tensor, x: Tensor, image_size: Tensor) -> Tensor:
    """1-channel PNG (scalar string), 0 or 255, of the same mask at the size of the image."""
    shape = tf.shape(window)
    paddings = [[y, image_size[0] - y - shape[0]], [x, image_size[1] - x - shape[1]]]
    mask = tf.pad(tf.cast(window, tf.uint8) * tf.constant(255, tf.uint8), paddings)
    return tf.io.encode_png(mask[..., None])


def _axis_weights(low, high, map_size, image_size):
    """Bilinear weights [n, map_size] of the image pixels that a box can reach, and the first one."""
    scale = tf.cast(image_size, tf.float32) / map_size
    # One map pixel of crop padding, one of interpolation.
    start = tf.cast(tf.floor((tf.minimum(low, high) * map_size - 2) * scale), tf.int32)
    stop = tf.cast(tf.math.ceil((tf.maximum(low, high) * map_size + 3) * scale), tf.int32)
    start = tf.clip_by_value(start, 0, image_size)
    stop = tf.clip_by_value(stop, start, image_size)
    pixels = tf.cast(tf.range(start, stop), tf.float32)
    positions = tf.clip_by_value((pixels + 0.5) / scale - 0.5, 0.0, map_size - 1.0)
    distance = tf.abs(positions[:, None] - tf.range(map_size, dtype=tf.float32))
    return tf.nn.relu(1 - distance), start


def _compress(counts):
    """COCO's text code: from the fourth on relative to two before, 5 bits a character from low."""
    deltas = counts - tf.concat([tf.zeros_like(counts[:3]), counts[1:-2]], 0)[: tf.size(counts)]
    shifts = tf.range(_CHARACTERS) * 5
    bits = tf.bitwise.bitwise_and(tf.bitwise.right_shift(deltas[:, None], shifts), 0x1F)
    rest = tf.bitwise.right_shift(deltas[:, None], tf.minimum(shifts + 5, 31))
    is_negative = tf.bitwise.bitwise_and(bits, 0x10) > 0
    goes_on = tf.where(is_negative, rest != -1, rest != 0)
    is_written = tf.math.cumprod(tf.cast(goes_on, tf.int32), axis=1, exclusive=True) > 0
    codes = bits + tf.where(goes_on, 0x20, 0) + 48
    return tf.strings.unicode_encode(tf.boolean_mask(codes, is_written), "UTF-8")
