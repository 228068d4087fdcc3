"""Boxes about what of a mask is in view: against the decoded mask."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.data.augment.test_mask_lookup import (
    HEIGHT,
    WIDTH,
    WINDOWS,
    flips_of,
    flips_of_masks,
    some_masks,
    tight_boxes,
)
from yolact_tf.data.augment.refit import visible_boxes
from yolact_tf.data.augment.resample import WHOLE


def expected_boxes(masks, window, tile):
    """Corners about the mask pixels whose centre lies in the tile of the window, or None."""
    corners = [window[axis] + (window[axis + 2] - window[axis]) * tile[axis::2] for axis in (0, 1)]
    x, y = np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5
    in_x, in_y = ((at >= min(c)) & (at < max(c)) for at, c in zip((x, y), corners, strict=True))
    boxes = []
    for mask in masks & in_y[:, None] & in_x:
        rows, columns = np.nonzero(mask)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None)
    return boxes


@pytest.mark.parametrize("tile", [WHOLE, np.float32([0.25, 0, 1, 0.5])], ids=["whole", "tile"])
@pytest.mark.parametrize("name", WINDOWS)
def test_boxes_are_tight_about_the_visible_pixels(name, tile):
    masks, window = some_masks(), np.float32(WINDOWS[name])
    given = np.float32([[1, 2, 3, 4]] * len(masks))
    boxes, is_shown = visible_boxes(given, flips_of_masks(masks), tf.constant([HEIGHT, WIDTH]), window, tile)
    every = boxes.numpy(), is_shown.numpy(), expected_boxes(masks, window, tile)
    for box, shown, expected in zip(*every, strict=True):
        assert shown == (expected is not None)
        assert_array_equal(box, expected if shown else [1, 2, 3, 4])


def test_of_a_whole_image_they_are_the_tight_boxes_whatever_was_annotated():
    masks = some_masks()
    window = tf.constant([0.0, 0, WIDTH, HEIGHT])
    boxes, is_shown = visible_boxes(
        tf.zeros([len(masks), 4]), flips_of_masks(masks), tf.constant([HEIGHT, WIDTH]), window, WHOLE
    )
    some = masks.any((1, 2))
    assert_array_equal(is_shown, some)
    assert_array_equal(boxes.numpy()[some], tight_boxes(masks)[some])


def test_runs_that_wrap_and_runs_of_nothing_worked_by_hand():
    # 4x3 pixels, column-major. From row 2 of column 0 to row 1 of column 1; a whole column 1; and a mask
    # of row 3, column 2, written with an empty run at the start of a column.
    runs = [[2, 4, 6], [4, 4, 4], [4, 0, 7, 1]]
    window = tf.constant([0.0, 0, 3, 4])
    boxes, is_shown = visible_boxes(tf.zeros([3, 4]), flips_of(runs), tf.constant([4, 3]), window, WHOLE)
    assert_allclose(boxes, [[0, 0, 2, 4], [1, 0, 2, 4], [2, 3, 3, 4]])
    assert is_shown.numpy().all()


def test_no_objects_stay_none():
    flips = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int32), tf.zeros([0], tf.int64))
    window = tf.constant([0.0, 0, 3, 4])
    boxes, is_shown = visible_boxes(tf.zeros([0, 4]), flips, tf.constant([4, 3]), window, WHOLE)
    assert boxes.shape == (0, 4) and is_shown.shape == (0,)
