from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.explain.made import detections
from yolact_tf.explain.mask_sums import sum_up, whole_masks


def by_hand():
    """Two prototypes of 2 x 2 pixels, and one detection of the left half."""
    found = detections((1, 0.9, 0, 0, 50, 100), size=(100, 100))
    prototypes = np.zeros((2, 2, 2), "float32")
    prototypes[0, :, 0], prototypes[:, 1, 1] = 4.0, 8.0
    return replace(found, prototypes=prototypes, coefficients=np.array([[0.5, -1.0]], "float32"))


def test_two_prototypes_by_hand():
    steps = sum_up(by_hand(), 0)
    assert steps.order.tolist() == [1, 0] and steps.coefficients.tolist() == [-1.0, 0.5]
    assert steps.counts == (1, 2)
    # First the right column less 8, then the top row plus 2.
    assert steps.sums.tolist() == [[[0, -8], [0, -8]], [[2, -6], [0, -8]]]
    assert_allclose(steps.whole, 1 / (1 + np.exp(-steps.sums)), rtol=1e-6)
    # The box ends at column 1, and the crop leaves a pixel more.
    assert_allclose(steps.cropped, steps.whole)


def test_what_is_added_up_is_what_the_detector_answers(detector, image):
    found = detector(image)[:5]
    assert len(found) == 5
    for index in range(5):
        steps = sum_up(found, index)
        assert_allclose(steps.cropped[-1], found.mask_probabilities[index], atol=1e-5)
        assert steps.counts == (1, 2, 4, 8)
        assert (np.diff(np.abs(steps.coefficients)) <= 0).all()
        assert sorted(steps.order) == list(range(8))
        first = found.prototypes[..., steps.order[0]] * found.coefficients[index, steps.order[0]]
        assert_allclose(steps.sums[0], first, atol=1e-5)
        # The crop takes away and changes nothing else.
        is_left = steps.cropped > 0
        assert_array_equal(steps.cropped[is_left], steps.whole[is_left])


def test_the_crop_only_takes_from_whole_masks(detector, image):
    found = detector(image)[:5]
    whole = whole_masks(found)
    assert whole.shape == found.masks.shape and whole.dtype == bool
    assert not (found.masks & ~whole).any()
    assert (whole & ~found.masks).any()


def test_no_detections_no_masks(detector, image):
    assert whole_masks(detector(image)[:0]).shape == (0, *image.shape[:2])


def test_a_model_that_tells_no_prototypes_is_refused():
    with pytest.raises(ValueError, match="litert_explore. Received one that tells masks alone"):
        sum_up(detections((1, 0.9, 0, 0, 50, 50)), 0)
    with pytest.raises(ValueError, match="Expected a model that tells prototypes"):
        whole_masks(detections())
