import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_array_equal

from yolact_tf.detect.top import top_k, top_of_columns


def found(best_and_slots):
    return [ops.convert_to_numpy(x) for x in best_and_slots]


def test_the_first_of_equals_come_first():
    best, slots = found(top_k(np.array([[1, 3, 3, 2, 3]], "float32"), 4))
    assert best.tolist() == [[3, 3, 3, 2]] and slots.tolist() == [[1, 2, 4, 3]]


def test_zeros_fill_up():
    best, slots = found(top_k(np.array([0.5, 0.7], "float32"), 3))
    assert_array_equal(best, np.array([0.7, 0.5, 0], "float32"))
    assert slots[:2].tolist() == [1, 0] and 0 <= slots[2] < 2


COLUMNS = {
    "all different": lambda random: random.permutation(np.arange(1, 3001 * 3 + 1)).reshape(3001, 3) / 9003,
    "many equal": lambda random: random.integers(0, 20, (3001, 3)) / 20,
    "equal from where they are cut": lambda random: 0.5 + 0.4 * (random.uniform(size=(3001, 3)) < 0.002),
    "all equal": lambda random: np.full((3001, 3), 0.5),
    "nothing": lambda random: np.zeros((3001, 3)),
    "the best in the last, cut block": lambda random: np.arange(3001 * 3).reshape(3001, 3) / 9003,
    "the best side by side": lambda random: np.arange(3001 * 3)[::-1].reshape(3001, 3) / 9003,
    "whole blocks": lambda random: random.integers(0, 50, (3008, 3)) / 50,
    "too few for blocks": lambda random: random.integers(0, 50, (300, 3)) / 50,
}


@pytest.mark.parametrize("case", COLUMNS)
def test_the_best_of_columns_are_those_of_their_rows(case):
    scores = COLUMNS[case](np.random.default_rng(0)).astype("float32")
    best, rows = found(top_of_columns(scores, 20))
    expected, slots = found(top_k(scores.T.copy(), 20))
    assert_array_equal(best, expected)
    if best.any():  # what scores nothing is nothing, whichever it is
        assert_array_equal(rows, slots)
    assert ((rows >= 0) & (rows < len(scores))).all()
