"""COCO compressed RLE and PNG of assembled masks, as graph code of stock TensorFlow ops."""

import tensorflow as tf

from yolact_tf.structures import Tensor

_CHARACTERS = 7  # of 5 bits each hold any int32 difference


def upsample_mask(mask: Tensor, box: Tensor, image_size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The part of the upsampled mask that holds anything: ([h, w] bool, y, x).

    mask: [Hp, Wp] probabilities, cropped.  box: [4] corners in 0..1.  image_size: [2] int32 height,
    width. The same bilinear, half-pixel, over-0.5 rule as `mask_windows.upsample_to_image`.
    """
    rows = _reached(box[1], box[3], mask.shape[0], image_size[0])
    columns = _reached(box[0], box[2], mask.shape[1], image_size[1])
    return _resized(mask, image_size, rows, columns) > 0.5, rows[0], columns[0]


def upsample_logits(logits: Tensor, box: Tensor, image_size: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The mask around its box, as `upsample_mask`, of logits [Hp, Wp] that are not cropped.

    The same rule as `mask_windows.upsample_logits`.
    """
    rows = _around(box[1], box[3], logits.shape[0], image_size[0])
    columns = _around(box[0], box[2], logits.shape[1], image_size[1])
    return _resized(logits, image_size, rows, columns) > 0, rows[0], columns[0]


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


def _reached(low, high, map_size, image_size):
    """First and past-the-last image pixel that pixels of the padded crop of a box can reach."""
    scale = tf.cast(image_size, tf.float32) / map_size
    # One map pixel of crop padding, one of interpolation.
    start = tf.floor((tf.minimum(low, high) * map_size - 2) * scale)
    stop = tf.math.ceil((tf.maximum(low, high) * map_size + 3) * scale)
    return _in_image(start, stop, image_size)


def _around(low, high, map_size, image_size):
    """First and past-the-last image pixel whose centre lies in a box or half a map pixel around it."""
    edges = tf.minimum(low, high) - 0.5 / map_size, tf.maximum(low, high) + 0.5 / map_size
    start, stop = (tf.math.ceil(edge * tf.cast(image_size, tf.float32) - 0.5) for edge in edges)
    return _in_image(start, stop, image_size)


def _in_image(start, stop, image_size):
    start = tf.clip_by_value(tf.cast(start, tf.int32), 0, image_size)
    return start, tf.clip_by_value(tf.cast(stop, tf.int32), start, image_size)


def _resized(values, image_size, rows, columns):
    """The pixels of those rows and columns of a map that is resized to the image."""
    row_weights = _weights(*rows, values.shape[0], image_size[0])
    column_weights = _weights(*columns, values.shape[1], image_size[1])
    return row_weights @ values @ tf.transpose(column_weights)


def _weights(start, stop, map_size, image_size):
    """Bilinear weights [stop - start, map_size] of image pixels."""
    scale = tf.cast(image_size, tf.float32) / map_size
    pixels = tf.cast(tf.range(start, stop), tf.float32)
    positions = tf.clip_by_value((pixels + 0.5) / scale - 0.5, 0.0, map_size - 1.0)
    distance = tf.abs(positions[:, None] - tf.range(map_size, dtype=tf.float32))
    return tf.nn.relu(1 - distance)


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
