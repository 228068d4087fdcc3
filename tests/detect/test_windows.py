"""Arithmetic of windows is that of whole masks."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.detect import windows
from yolact_tf.mask_windows import place_window

SIZE = (30, 40)


@pytest.fixture(params=range(6))
def pair(request):
    """Two random windows that lie in an image of 30x40 pixels."""
    rng = np.random.default_rng(request.param)
    made = []
    for _ in range(2):
        height, width = rng.integers(1, 20, 2)
        y, x = rng.integers(0, 30 - height), rng.integers(0, 40 - width)
        made.append((int(y), int(x), rng.random((height, width)) < 0.4))
    return made


def whole(window):
    return place_window(*window, SIZE)


def test_trimming_keeps_the_pixels_and_nothing_round_them(pair):
    for window in pair:
        trimmed = windows.trimmed(window)
        assert_array_equal(whole(trimmed), whole(window))
        assert trimmed[2].any(0)[[0, -1]].all() and trimmed[2].any(1)[[0, -1]].all()
    assert windows.trimmed((3, 4, np.zeros((5, 5), bool)))[2].shape == (0, 0)


def test_overlaps_are_those_of_whole_masks(pair):
    first, second = pair
    shared = (whole(first) & whole(second)).sum()
    assert windows.shared_pixels(first, second) == windows.shared_pixels(second, first) == shared
    assert windows.iou(first, second) == shared / (whole(first) | whole(second)).sum()
    assert windows.iou(first, first) == 1
    nothing = (0, 0, np.zeros((0, 0), bool))
    assert windows.iou(nothing, nothing) == windows.iou(first, nothing) == 0


@pytest.mark.parametrize("region", [(0, 0, 40, 30), (5, 10, 25, 12), (39, 29, 40, 30), (0, 0, 0, 0)])
def test_a_part_is_what_lies_in_the_region(pair, region):
    x1, y1, x2, y2 = region
    expected = np.zeros(SIZE, bool)
    expected[y1:y2, x1:x2] = whole(pair[0])[y1:y2, x1:x2]
    part = windows.within(pair[0], region)
    assert_array_equal(whole(part) if part[2].size else np.zeros(SIZE, bool), expected)


def test_mirroring_is_that_of_the_image(pair):
    assert_array_equal(whole(windows.mirrored(pair[0], 40)), whole(pair[0])[:, ::-1])


def test_a_window_of_a_copy_covers_what_its_pixels_stand_for():
    mask = np.zeros((10, 10), bool)
    mask[2:8, 3:9] = True
    y, x, enlarged = windows.moved((5, 6, mask), 100, 200, 4)
    assert (y, x, enlarged.shape) == (220, 124, (40, 40))
    expected = np.kron(mask, np.ones((4, 4), bool))
    corners = (enlarged != expected).sum()  # which are rounded
    assert corners <= 4 * 3 and enlarged[8:32, 20:28].all()


def test_sums_are_counted_where_the_windows_are(pair):
    extent = windows.extent_of(pair)
    sums = np.zeros((extent[3] - extent[1], extent[2] - extent[0]), int)
    for window in pair:
        windows.add_to(sums, extent, window, 2)
    expected = 2 * (whole(pair[0]).astype(int) + whole(pair[1]))
    assert_array_equal(sums, expected[extent[1] : extent[3], extent[0] : extent[2]])
    assert sums.sum() == expected.sum()
