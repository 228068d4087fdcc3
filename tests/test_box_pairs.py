import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.box_pairs import paired_iou
from yolact_tf.boxes import iou


def test_pairs_overlap_as_all_with_all_do():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.6, (2, 20, 2))
    first, second = np.concatenate([low, low + rng.uniform(0.1, 0.4, (2, 20, 2))], -1).astype(np.float32)
    assert_allclose(paired_iou(first, second), np.diag(np.array(iou(first, second))), rtol=1e-5)
    assert_allclose(paired_iou(first[0], second), np.array(iou(first[:1], second))[0], rtol=1e-5)
    assert_array_equal(paired_iou(first, first), np.ones(20))


def test_of_nothing_there_is_no_overlap():
    point = np.full(4, 0.5)
    assert paired_iou(point, point) == 0
    assert paired_iou(point, np.zeros((0, 4))).shape == (0,)
