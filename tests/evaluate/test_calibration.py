import numpy as np
import pytest

from yolact_tf.evaluate.calibration import BINS, calibrate


def test_scores_that_say_the_truth_have_no_error():
    # In each range of scores the share of right ones is the score itself.
    scores = np.repeat([0.25, 0.75], 400)
    is_true = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    found = calibrate(scores, is_true)
    assert found.error == pytest.approx(0)
    assert found.counts.tolist() == [0, 0, 400, 0, 0, 0, 0, 400, 0, 0]
    assert found.precision[[2, 7]] == pytest.approx([0.25, 0.75])
    assert np.isnan(found.precision[0]) and np.isnan(found.scores[0])


def test_an_error_by_hand():
    # .9 and .92, of which one is right: .5 against .91; .11, wrong: 0 against .11.
    found = calibrate(np.array([0.9, 0.92, 0.11]), np.array([True, False, False]))
    assert found.error == pytest.approx((2 * 0.41 + 0.11) / 3)


def test_certain_and_wrong_is_an_error_of_one():
    assert calibrate(np.ones(5), np.zeros(5, bool)).error == 1
    assert calibrate(np.ones(5), np.ones(5, bool)).error == 0


def test_nothing_is_calibrated():
    found = calibrate(np.zeros(0), np.zeros(0, bool))
    assert found.error == 0 and found.counts.tolist() == [0] * BINS


def test_rescored_masks_above_one_are_in_the_last_range():
    assert calibrate(np.array([1.2]), np.array([True])).counts.tolist() == [0] * 9 + [1]
