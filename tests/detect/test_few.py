import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_array_equal

from yolact_tf.detect.few import by_size, may_exceed
from yolact_tf.detect.postprocess import SCORES


@pytest.mark.parametrize(("count", "size"), [(0, 4), (4, 4), (5, 16), (16, 16), (17, 100), (100, 100)])
def test_the_smallest_size_that_holds_all_is_computed(count, size):
    assert int(by_size(ops.convert_to_tensor(count), (4, 16, 100), ops.convert_to_tensor)) == size


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("threshold", [0.0, 0.05, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("classes", [1, 3])
def test_whatever_scores_more_than_the_threshold_may(activation, threshold, classes):
    logits = np.random.default_rng(0).normal(0, 4, (5000, 1 + classes)).astype("float32")
    exceeds = ops.convert_to_numpy(SCORES[activation](logits))[:, 1:].max(1) > threshold
    may = ops.convert_to_numpy(may_exceed(logits, threshold, activation))
    assert may[exceeds].all()
    if classes == 1:  # then the bound is the score itself
        assert (may & ~exceeds).sum() <= 5


def test_logits_that_are_no_numbers_never_do():
    logits = np.array([[0, np.nan, np.nan], [0, 1, 2]], "float32")
    assert_array_equal(may_exceed(logits, 0.05, "softmax"), [False, True])
