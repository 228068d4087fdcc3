"""Boxes drawn tightly about what of a mask is in view."""

import tensorflow as tf

from yolact_tf.structures import Tensor
from yolact_tf.tracing import traced_once


@traced_once
def visible_boxes(
    boxes: Tensor, flips: Tensor, image_size: Tensor, window: Tensor, tile: Tensor
) -> tuple[Tensor, Tensor]:
    """([n, 4] corners in source pixels about the visible pixels of each mask, [n] whether it has any).

    boxes: [n, 4] corners, returned where a mask has none.  flips: ragged [n, None] int32, as in
    `mask_lookup`.  window, tile: as in `resample`; a source pixel is visible where its centre is.
    """
    height, width = tf.unstack(image_size)
    first, last = _pixels_in_view(window, tile, width, height)
    x1, y1, x2, y2, owner = _columns_of_runs(flips, height, width)
    x1, y1 = tf.maximum(x1, first[0]), tf.maximum(y1, first[1])
    x2, y2 = tf.minimum(x2, last[0]), tf.minimum(y2, last[1])
    seen = tf.where((x1 <= x2) & (y1 <= y2))[:, 0]
    owner, count = tf.gather(owner, seen), tf.shape(boxes)[0]
    low = tf.math.unsorted_segment_min(tf.gather(tf.stack([x1, y1], 1), seen), owner, count)
    high = tf.math.unsorted_segment_max(tf.gather(tf.stack([x2, y2], 1), seen), owner, count)
    is_shown = tf.math.bincount(tf.cast(owner, tf.int32), minlength=count, maxlength=count) > 0
    fitted = tf.cast(tf.concat([low, high + 1], 1), tf.float32)
    return tf.where(is_shown[:, None], fitted, boxes), is_shown


def _pixels_in_view(window, tile, width, height):
    """First and last source pixel (x, y) whose centre lies in the tile of the window and in the image."""
    origin, extent = window[:2], window[2:] - window[:2]
    corners = origin + extent * tile[:2], origin + extent * tile[2:]
    first = tf.math.ceil(tf.minimum(*corners) - 0.5)
    last = tf.math.ceil(tf.maximum(*corners) - 0.5) - 1
    size = tf.stack([width, height])
    return tf.maximum(tf.cast(first, tf.int32), 0), tf.minimum(tf.cast(last, tf.int32), size - 1)


def _columns_of_runs(flips, height, width):
    """The runs of all masks as rectangles x1, y1, x2, y2 (last pixels included), and whose they are.

    A run is the rest of one column, some whole columns, and the beginning of another: three rectangles,
    of which those that do not exist are empty.
    """
    # A mask that reaches the last pixel has no flip at its end.
    is_open = tf.cast(flips.row_lengths() % 2, tf.bool)
    end = tf.fill([tf.math.count_nonzero(is_open), 1], height * width)
    ends = tf.RaggedTensor.from_row_lengths(end[:, 0], tf.cast(is_open, tf.int64))
    pairs = tf.concat([flips, ends], 1)
    start, stop = pairs.flat_values[::2], pairs.flat_values[1::2] - 1
    is_real = stop >= start  # run lengths of 0 are allowed
    owner = pairs.value_rowids()[::2][is_real]
    start, stop = start[is_real], stop[is_real]
    first, last = start // height, stop // height
    is_one = first == last
    bottom = tf.fill(tf.shape(start), height - 1)
    top = tf.zeros_like(start)
    heads = first, start % height, first, tf.where(is_one, stop % height, bottom)
    middles = first + 1, top, last - 1, bottom
    tails = tf.where(is_one, last + 1, last), top, last, stop % height
    joined = [tf.concat(parts, 0) for parts in zip(heads, middles, tails, strict=True)]
    return *joined, tf.tile(owner, [3])
