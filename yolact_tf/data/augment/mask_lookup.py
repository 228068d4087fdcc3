"""Masks read through a window straight from their run lengths; no full-size bitmap is ever made.

A mask is the rising list of its flips: the column-major pixel positions at which it changes between
background and object, starting from background. A pixel is object where an odd number of its flips lie
at or before it.
"""

from collections.abc import Sequence

import tensorflow as tf

from yolact_tf.data.augment.resample import WHOLE
from yolact_tf.structures import Tensor
from yolact_tf.tracing import traced_once

_MARGIN = 2  # samples about its box in which an object's mask is looked up


@traced_once
def resample_masks(
    flips: Tensor,
    boxes: Tensor,
    image_size: Sequence[Tensor],
    window: Tensor,
    size: int,
    tile: Tensor = WHOLE,
) -> Tensor:
    """Masks of n objects seen through `window`: [n, size, size] uint8.

    flips: ragged [n, None] int32.  boxes: [n, 4] corners in 0..1 of the output; only samples in and
    about a box are looked up.  image_size: (height, width) of the source.  window, tile: as in
    `resample`.  Bilinear, then over 0.5, as the reference shrinks its masks; zero outside the source.
    """
    height, width = image_size
    # Flips are counted downwards: a window that runs upwards is read upright and turned over below.
    is_upward = window[3] < window[1]
    top, bottom = tf.minimum(window[1], window[3]), tf.maximum(window[1], window[3])
    x_taps, x_weights = _taps(window[0], window[2], size, width)
    y_taps, y_weights = _taps(top, bottom, size, height)
    starts, extents = _sample_spans(boxes, size, tile)
    first_rows = tf.where(is_upward, size - starts[:, 1] - extents[:, 1], starts[:, 1])

    columns = tf.ragged.range(extents[:, 0])  # of samples, of all objects
    owner = tf.cast(columns.value_rowids(), tf.int32)
    at_x = tf.gather(starts[:, 0], owner) + columns.flat_values
    samples = tf.ragged.range(tf.gather(extents[:, 1], owner))
    column = tf.cast(samples.value_rowids(), tf.int32)
    first_row = tf.gather(first_rows, owner)
    at_y = tf.gather(first_row, column) + samples.flat_values

    starts_of_columns = tf.cast(samples.row_splits, tf.int32)
    begins, inner = _flips_of_columns(flips, owner, tf.gather(x_taps, at_x, axis=1), height, width)
    is_object = _follow(inner, begins, first_row, starts_of_columns, column, y_taps)
    sample_x = tf.gather(at_x, column)
    value = tf.reduce_sum(tf.gather(x_weights, sample_x, axis=1) * is_object[0], 0)
    lower = tf.reduce_sum(tf.gather(x_weights, sample_x, axis=1) * is_object[1], 0)
    share = tf.gather(y_weights, at_y, axis=1)
    value = value * share[0] + lower * share[1]

    row = tf.where(is_upward, size - 1 - at_y, at_y)
    index = (tf.gather(owner, column) * size + row) * size + sample_x
    flat = tf.scatter_nd(index[:, None], tf.cast(value > 0.5, tf.uint8), [tf.shape(boxes)[0] * size * size])
    return tf.reshape(flat, [-1, size, size])


def _flips_of_columns(flips, owner, taps, height, width):
    """Flips within the source columns that `taps` [2, columns] names, all in one list.

    Returns (parity at the top of each source column, minus the flips that are listed before it: [2,
    columns] int32; the ragged source rows of the flips within each: [2 · columns, None] int32).
    """
    # All objects in one line: object o occupies [o·H·W, (o + 1)·H·W).
    pixels = tf.cast(height * width, tf.int64)
    line = tf.cast(flips.flat_values, tf.int64) + tf.cast(flips.value_rowids(), tf.int64) * pixels
    begin = tf.cast(owner, tf.int64) * pixels + tf.cast(taps * height, tf.int64)
    bounds = tf.stack([begin, begin + tf.cast(height, tf.int64)])
    bounds = tf.reshape(tf.searchsorted(line, tf.reshape(bounds, [-1])), [2, -1])
    within = tf.ragged.range(bounds[0], bounds[1])
    begin = tf.gather(tf.reshape(begin, [-1]), within.value_rowids())
    rows = tf.cast(tf.gather(line, within.flat_values) - begin, tf.int32)
    first_flip = tf.cast(tf.gather(flips.row_splits, owner), tf.int32)
    listed_before = tf.reshape(tf.cast(within.row_splits[:-1], tf.int32), [2, -1])
    parity = tf.reshape(bounds[0], [2, -1]) - first_flip - listed_before
    return parity, within.with_flat_values(rows)


def _follow(inner, parity, first_row, starts, column, y_taps):
    """Whether source pixels are object: [2 (y tap), 2 (x tap), samples] float32."""
    num_samples, num_columns = starts[-1], tf.shape(first_row)[0]
    entry = tf.cast(inner.value_rowids(), tf.int32)
    of_column, of_tap = entry % num_columns, entry // num_columns
    begin, end = tf.gather(starts, of_column), tf.gather(starts, of_column + 1)
    turns = []
    for tap in range(2):
        # A flip turns every sample from its own row on; one below the last turns the next column.
        row = tf.searchsorted(y_taps[tap], inner.flat_values) - tf.gather(first_row, of_column)
        at = tf.clip_by_value(begin + row, begin, end) + of_tap * num_samples
        turns.append(at + tap * (2 * num_samples + 1))
    turns = tf.concat(turns, 0)
    ones = tf.ones_like(turns, tf.uint8)
    count = tf.reshape(tf.scatter_nd(turns[:, None], ones, [2 * (2 * num_samples + 1)]), [2, -1])
    count = tf.reshape(tf.cumsum(count, 1)[:, :-1], [2, 2, -1])  # modulo 256, which keeps what is odd
    parity = tf.cast(tf.bitwise.bitwise_and(parity, 1), tf.uint8)
    odd = tf.bitwise.bitwise_and(count + tf.gather(parity, column, axis=1), 1)
    return tf.cast(odd, tf.float32)


def _taps(first, last, size, extent):
    """The two source positions [2, size] int32 about each sample, and their bilinear weights."""
    positions = first + (last - first) * (tf.range(size, dtype=tf.float32) + 0.5) / size - 0.5
    low = tf.floor(positions)
    taps = tf.stack([low, low + 1])
    weights = 1 - tf.abs(positions - taps)
    # The border of the window is repeated, as where an image is cut first and shrunk then.
    taps = tf.clip_by_value(
        taps, tf.floor(tf.minimum(first, last)), tf.math.ceil(tf.maximum(first, last)) - 1
    )
    is_inside = (taps >= 0) & (taps < tf.cast(extent, tf.float32))
    taps = tf.clip_by_value(tf.cast(taps, tf.int32), 0, extent - 1)
    return taps, tf.where(is_inside, weights, 0.0)


def _sample_spans(boxes, size, tile):
    """First sample and number of samples, (x, y), that each box and two samples about it take."""
    first = tf.cast(tf.math.ceil(tf.constant(size, tf.float32) * tile[:2] - 0.5), tf.int32)
    stop = tf.cast(tf.math.ceil(tf.constant(size, tf.float32) * tile[2:] - 0.5), tf.int32)
    low = tf.cast(tf.floor(boxes[:, :2] * size), tf.int32) - _MARGIN
    high = tf.cast(tf.math.ceil(boxes[:, 2:] * size), tf.int32) + _MARGIN
    low = tf.clip_by_value(low, first, stop)
    return low, tf.clip_by_value(high, low, stop) - low
