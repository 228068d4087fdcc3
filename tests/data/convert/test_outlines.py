"""Outlines: filled again they are the mask, whatever fills them; circles are close."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from tests.data.convert.made import apart, ring
from yolact_tf.data.convert.outlines import ellipse, join, rectangle, trace, turn


def noise(seed):
    """A mask of any size down to a pixel: specks, blobs, all or none."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rng.integers(1, 40, 2))
    for _ in range(seed % 4 * 2):
        values += np.roll(values, 1, 0) + np.roll(values, -1, 1)
    return values > rng.choice([-99, -1, -0.5, 0, 0.5, 1, 99]) * values.std()


def fill(polygons, mask):
    """pycocotools' filling, [H, W] bool."""
    if not polygons:
        return np.zeros_like(mask)
    flat = [polygon.ravel().tolist() for polygon in polygons]
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, *mask.shape))).astype(bool)


def windings(polygon, shape):
    """[H, W] how often a polygon along pixel borders goes round each pixel's centre, clockwise."""
    turns = np.zeros(shape, int)
    for (x1, y1), (x2, y2) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if x1 == x2:  # what lies left of a border that leads down is gone round once
            low, high = sorted((int(y1), int(y2)))
            turns[low:high, : int(x1)] += 1 if y2 > y1 else -1
    return turns


def test_filling_the_outlines_gives_the_mask_back():
    for seed in range(120):
        mask = noise(seed)
        assert_array_equal(fill(trace(mask), mask), mask, str(seed))


def test_so_does_filling_them_joined_to_one():
    for seed in range(120):
        mask = noise(seed)
        if mask.any():
            assert_array_equal(fill([join(trace(mask))], mask), mask, str(seed))


@pytest.mark.parametrize("seed", range(0, 40, 3))
def test_the_winding_number_is_one_inside_and_none_outside(seed):
    mask = noise(seed)
    turns = sum((windings(polygon, mask.shape) for polygon in trace(mask)), np.zeros(mask.shape, int))
    assert_array_equal(turns, mask.astype(int))


def test_a_part_is_an_outline_and_so_are_parts_that_meet_in_a_point():
    assert len(trace(apart())) == 3
    assert len(trace(ring())) == 2


def test_no_pixels_have_no_outline():
    assert trace(np.zeros((3, 4), bool)) == []


def test_one_pixel_worked_by_hand():
    mask = np.zeros((5, 6), bool)
    mask[2, 3] = True
    assert_array_equal(trace(mask)[0], [[3, 2], [4, 2], [4, 3], [3, 3]])


def test_a_hole_hangs_on_a_seam_worked_by_hand():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    # Along the top to x = 1, down the seam, round the hole against the clock, up again, on.
    expected = [[0, 0], [1, 0], [1, 1], [1, 2], [2, 2], [2, 1], [1, 1], [1, 0], [3, 0], [3, 3], [0, 3]]
    assert_array_equal(trace(mask)[0], expected)


def test_join_ties_polygons_between_pixels_too():
    left, right = rectangle(1.3, 2.2, 6.7, 9.9), rectangle(10.1, 3.4, 17.6, 12.8)
    canvas = np.zeros((20, 24), bool)
    assert_array_equal(fill([join([left, right])], canvas), fill([left, right], canvas))


def test_an_ellipse_is_a_twentieth_of_a_pixel_away_at_most():
    for radius in (0.5, 8, 300):
        polygon = ellipse(50, 40, radius, radius)
        middles = (polygon + np.roll(polygon, 1, 0)) / 2
        assert_allclose(np.linalg.norm(polygon - [50, 40], axis=1), radius)
        assert np.linalg.norm(middles - [50, 40], axis=1).min() >= radius - 0.05
    assert_allclose(ellipse(5, 4, 3, 2).max(0), [8, 6], atol=0.05)


def test_a_quarter_turn_is_clockwise_on_the_screen():
    # Right of the centre goes to below it, for y points down.
    assert_allclose(turn(np.array([[3.0, 1.0]]), (1, 1), 90), [[1, 3]], atol=1e-12)
    assert_allclose(turn(rectangle(0, 0, 2, 2), (1, 1), 45)[0], [1, 1 - math.sqrt(2)], atol=1e-12)
