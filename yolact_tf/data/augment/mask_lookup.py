"""Masks read through a window straight from their run lengths; no full-size bitmap is ever made.

A mask is the rising list of its flips: the column-major pixel positions at which it changes between
background and object, starting from background. A pixel is object where an odd number of its flips lie
at or before it.
"""

from collections.abc import Sequence

import numpy as np
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
    # Flips are counted downwards: a window that runs upwards is read upright and turned over at the end.
    is_upward = window[3] < window[1]
    top, bottom = tf.minimum(window[1], window[3]), tf.maximum(window[1], window[3])
    x_taps, x_weights = _taps(window[0], window[2], size, width)
    y_taps, y_weights = _taps(top, bottom, size, height)
    starts, extents = _sample_spans(boxes, size, tile)
    first_rows = tf.where(is_upward, size - starts[:, 1] - extents[:, 1], starts[:, 1])

    # Samples are listed column by column, all objects one after another.
    x, low = tf.range(size), starts[:, :1]
    owner, at_x = tf.unstack(tf.cast(tf.where((x >= low) & (x < low + extents[:, :1])), tf.int32), axis=1)
    first_row, num_rows = tf.gather(first_rows, owner), tf.gather(extents[:, 1], owner)
    turns = _turns_of_columns(flips, owner, tf.gather(x_taps, at_x, axis=1), height, width)
    states = _states(turns, first_row, num_rows, y_taps)
    values = _values_of_states(tf.gather(x_weights, at_x, axis=1))
    at_y = tf.ragged.range(first_row, first_row + num_rows).flat_values
    value = tf.gather(y_weights[0], at_y) * tf.gather(values[0], states)
    value += tf.gather(y_weights[1], at_y) * tf.gather(values[1], states)

    down = tf.where(is_upward, -size, size)
    begin = (owner * size + tf.where(is_upward, size - 1 - first_row, first_row)) * size + at_x
    place = tf.ragged.range(begin, begin + num_rows * down, down).flat_values
    is_object = tf.cast(value > 0.5, tf.uint8)
    # No two samples have one place: a sum that takes a third of the time of `tf.scatter_nd`.
    flat = tf.math.unsorted_segment_sum(is_object, place, tf.shape(boxes)[0] * size * size)
    return tf.reshape(flat, [-1, size, size])


def _turns_of_columns(flips, owner, taps, height, width):
    """Flips within the source columns that `taps` [2, columns] names, of tap 0 and then of tap 1.

    Returns (of each flip its source row, +1 where object begins or -1 where it ends, its column and its tap,
    all [flips]; whether the tops of the source columns are object, and their bottoms, [2, columns]): int32.
    """
    # All objects in one line: object o occupies [o·H·W, (o + 1)·H·W).
    pixels = tf.cast(height * width, tf.int64)
    splits = tf.cast(flips.row_splits, tf.int32)
    line = tf.cast(flips.flat_values, tf.int64) + tf.cast(_rows_of_values(splits), tf.int64) * pixels
    begin = tf.cast(owner, tf.int64) * pixels + tf.cast(taps * height, tf.int64)
    bounds = tf.reshape(tf.stack([begin, begin + tf.cast(height, tf.int64)]), [-1])
    bounds = tf.raw_ops.LowerBound(sorted_inputs=line[None], values=bounds[None])
    bounds = tf.reshape(bounds, [2, 2, -1])
    first_flip = tf.gather(splits, owner)
    tops, bottoms = tf.unstack(tf.bitwise.bitwise_and(bounds - first_flip, 1))
    within = tf.ragged.range(*tf.unstack(tf.reshape(bounds, [2, -1])), row_splits_dtype=tf.int32)
    entry, number = _rows_of_values(within.row_splits), within.flat_values
    num_columns = tf.shape(owner)[0]
    tap, column = entry // num_columns, entry % num_columns
    rows = tf.cast(tf.gather(line, number) - tf.gather(tf.reshape(begin, [-1]), entry), tf.int32)
    signs = 1 - 2 * tf.bitwise.bitwise_and(number - tf.gather(first_flip, column), 1)
    return rows, signs, column, tap, tops, bottoms


def _rows_of_values(splits):
    """Row of each value of a ragged tensor: [values] int32, by a third of the ops of `value_rowids`."""
    ends = tf.math.unsorted_segment_sum(tf.ones_like(splits[1:]), splits[1:], splits[-1] + 1)
    return tf.cumsum(ends)[:-1]


# Which of a sample's four source pixels are object: bit x + 2·y for tap x of its column and y of its row.
_STATES = 16
_IS_OBJECT = np.arange(_STATES) >> np.arange(4)[:, None] & 1  # [bit, state]


def _states(turns, first_row, num_rows, y_taps):
    """[samples] int32: the state of each plus _STATES times its column, a running sum of what changes it.

    turns: as `_turns_of_columns` returns them.  first_row, num_rows: [columns], of samples.
    """
    rows, signs, column, tap, tops, bottoms = turns
    end = tf.cumsum(num_rows)
    begin = end - num_rows
    # A flip turns every sample from its own row on; one below the last turns none of the column.
    after = tf.raw_ops.LowerBound(sorted_inputs=y_taps, values=tf.tile(rows[None], [2, 1]))
    after -= tf.gather(first_row, column)
    low = tf.gather(begin, column)
    at = low + tf.clip_by_value(after, 0, tf.gather(num_rows, column))
    changes = signs * tf.bitwise.left_shift(1, tap) * [[1], [4]]  # at either tap of the row
    # Each column starts from its tops, where the one before left off.
    tops, bottoms = (5 * (is_object[0] + 2 * is_object[1]) for is_object in (tops, bottoms))
    starts = tops + _STATES - tf.concat([[_STATES], bottoms], 0)[:-1]
    changes = tf.concat([tf.reshape(changes, [-1]), starts], 0)
    places = tf.concat([tf.reshape(at, [-1]), begin], 0)
    count = tf.reduce_sum(num_rows)
    return tf.cumsum(tf.math.unsorted_segment_sum(changes, places, count + 1))[:-1]


def _values_of_states(x_weights):
    """[2 (tap of the row), columns · _STATES]: how much of a column's two taps is object, in each state.

    x_weights: [2, columns], of the two taps.
    """
    left, right = tf.unstack(x_weights[..., None])
    bits = _IS_OBJECT.astype(np.float32)
    return tf.reshape(tf.stack([left * bits[0] + right * bits[1], left * bits[2] + right * bits[3]]), [2, -1])


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
