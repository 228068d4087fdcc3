import numpy as np
import pytest

from yolact_tf.evaluate.curves import RECALLS, average_precision, best_operation, score_curve

SCORES, IS_TRUE = np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False])


def test_golden_value_of_the_reference():
    hundredths = np.arange(101) / 100
    scores, is_true = SCORES, IS_TRUE
    assert average_precision(scores, is_true, 4, hundredths) == pytest.approx(0.628713, abs=5e-7)
    # 25 % of the objects (26 samples) at precision 1, up to 75 % (50 samples) at 3/4, then nothing.
    assert average_precision(scores, is_true, 4) == pytest.approx((26 + 50 * 0.75) / 101)
    shuffled = [3, 0, 4, 2, 1]
    again = average_precision(scores[shuffled], is_true[shuffled], 4)
    assert again == average_precision(scores, is_true, 4)


def test_average_precision_of_nothing():
    assert average_precision([], [], 3) == 0
    assert average_precision([0.5], [False], 0) == 0
    assert average_precision([0.5], [True], 1) == 1


def test_recalls_are_those_of_pycocotools_to_the_last_bit():
    from pycocotools.cocoeval import Params

    assert np.array_equal(RECALLS, Params("bbox").recThrs)
    assert not np.array_equal(RECALLS, np.arange(101) / 100)


def test_a_curve_by_hand():
    curve = score_curve(SCORES, IS_TRUE, 4)
    assert curve.scores.tolist() == SCORES.tolist()
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 3 / 4, 3 / 5])
    np.testing.assert_allclose(curve.recall, [1 / 4, 1 / 4, 2 / 4, 3 / 4, 3 / 4])
    # 2 PR / (P + R)
    np.testing.assert_allclose(curve.f1, [2 / 5, 1 / 3, 4 / 7, 3 / 4, 2 / 3])
    best = best_operation(curve)
    # Four of the detections: the threshold lies halfway between the fourth and the fifth.
    assert best == pytest.approx((0.55, 3 / 4, 3 / 4, 3 / 4))


@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_is_better_than_the_best(seed):
    rng = np.random.default_rng(seed)
    scores, is_true = rng.integers(1, 30, 60) / 30, rng.uniform(size=60) < 0.4
    curve = score_curve(scores, is_true, 50)
    best = best_operation(curve)
    f1_above = lambda t: 2 * is_true[scores > t].sum() / ((scores > t).sum() + 50)
    assert best.f1 == pytest.approx(max(f1_above(t) for t in np.arange(0, 1, 1 / 90)))
    assert f1_above(best.threshold) == pytest.approx(best.f1)
    assert (scores >= best.threshold).sum() == (scores > best.threshold).sum()
    grid = np.linspace(0, 1, 37)
    above = curve.above(grid)
    for t, precision, recall in zip(grid, above.precision, above.recall, strict=True):
        shown = is_true[scores > t]
        assert recall == pytest.approx(shown.sum() / 50)
        assert precision == pytest.approx(shown.mean()) if len(shown) else np.isnan(precision)


def test_equal_scores_pass_a_threshold_together():
    curve = score_curve(np.full(4, 0.5), np.array([True, False, False, True]), 2)
    assert (curve.scores.tolist(), curve.precision.tolist(), curve.recall.tolist()) == ([0.5], [0.5], [1.0])


@pytest.mark.parametrize(("is_true", "num_objects"), [([], 3), ([False, False], 3), ([False], 0)])
def test_where_nothing_is_found_no_threshold_is_best(is_true, num_objects):
    curve = score_curve(np.linspace(0.9, 0.1, len(is_true)), np.array(is_true, bool), num_objects)
    assert best_operation(curve) is None
    assert not curve.recall.any()


def test_perfect_detections_are_kept_whole():
    best = best_operation(score_curve(np.ones(3), np.ones(3, bool), 3))
    assert best == (0.5, 1, 1, 1)
