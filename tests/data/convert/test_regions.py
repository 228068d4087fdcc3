"""Pixels of objects: polygons and both kinds of run lengths, groups, and what is no outline."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.data.convert.made import HEIGHT, WIDTH, apart, instance, ring, square
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Instance
from yolact_tf.data.convert.regions import (
    mask_of,
    outlines_of,
    polygon_of,
    rle_of,
    unite,
    unite_groups,
)

PLAIN = {"size": [2, 3], "counts": [1, 2, 3]}


def test_mask_of_undoes_rle_of():
    for mask in (ring(), apart(), np.zeros((4, 5), bool), np.ones((1, 1), bool)):
        assert_array_equal(mask_of(Instance(1, rle=rle_of(mask)), *mask.shape), mask)


def test_plain_run_lengths_go_down_the_columns():
    assert_array_equal(mask_of(Instance(1, rle=PLAIN), 2, 3), [[0, 1, 0], [1, 0, 0]])


def test_polygons_are_their_own_outlines_and_run_lengths_are_traced():
    polygon = square(1, 2, 5, 6)
    assert outlines_of(polygon, HEIGHT, WIDTH) is polygon.polygons
    traced = Instance(1, polygons=outlines_of(instance(ring()), HEIGHT, WIDTH))
    assert_array_equal(mask_of(traced, HEIGHT, WIDTH), ring())


@pytest.mark.parametrize(
    "numbers", [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, None], [1, 2, 3, 4, 5, float("nan")]]
)
def test_what_is_no_outline_is_refused(numbers):
    with pytest.raises(ValueError, match="expected"):
        polygon_of(numbers)


def test_a_polygon_that_reaches_too_far_is_refused():
    with pytest.raises(ValueError, match="up to 100000. Received: 1000000000.0"):
        polygon_of([0, 0, 1e9, 0, 5, 5])


def test_united_polygons_stay_polygons():
    parts = [square(1, 1, 4, 4, extra={"difficult": 1}), square(6, 6, 9, 9)]
    one = unite(parts, HEIGHT, WIDTH)
    assert len(one.polygons) == 2 and one.extra == {"difficult": 1}


def test_united_with_run_lengths_they_are_run_lengths():
    one = unite([square(1, 1, 4, 4), instance(ring())], HEIGHT, WIDTH)
    expected = ring()
    expected[1:4, 1:4] = True
    assert one.polygons == ()
    assert_array_equal(mask_of(one, HEIGHT, WIDTH), expected)


def test_only_parts_of_one_group_and_one_category_are_one_object():
    parts = [(None, square(1, 1, 2, 2)), (7, square(3, 3, 4, 4)), (None, square(5, 5, 6, 6))]
    parts += [(7, square(7, 7, 8, 8)), (7, square(9, 9, 10, 10, category_id=2)), (8, square(11, 11, 12, 12))]
    losses = Losses()
    united = unite_groups(parts, HEIGHT, WIDTH, losses, "a.json")
    assert [len(i.polygons) for i in united] == [1, 2, 1, 1, 1]
    assert losses == {"groups of several categories": (1, "a.json: group 7")}
