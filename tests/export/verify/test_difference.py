import numpy as np
import pytest

from yolact_tf.export.verify.difference import Difference, Limit


def test_the_largest_and_the_mean_of_all_images():
    row = Difference.of("x", [1.0, -3.0], Limit(3, 2)) + Difference.of("x", [[2.0, 0.0]], Limit(3, 2))
    assert (row.largest, row.mean, row.passes) == (3, 1.5, True)


@pytest.mark.parametrize("limit", [Limit(2.9), Limit(mean=1.9)])
def test_either_limit_fails_it(limit):
    assert not Difference.of("x", [1.0, 3.0], limit).passes


def test_weights_are_those_of_the_mean():
    assert Difference.of("x", [0.5, 0.0], Limit(), [1, 9]).mean == pytest.approx(0.05)


def test_no_values_are_no_difference():
    row = Difference.of("x", [], Limit(0, 0))
    assert (row.largest, row.mean, row.passes) == (0, 0, True)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_stays_in_the_sum(value):
    rows = [Difference.of("x", [value, 0.0], Limit(1)), Difference.of("x", [0.5], Limit(1))]
    assert not (rows[0] + rows[1]).passes and not (rows[1] + rows[0]).passes
