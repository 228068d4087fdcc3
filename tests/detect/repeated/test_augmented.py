"""Views of an image: what they agree on is found as before, and what they do not is averaged."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from tests.detect.colour_detector import ColourDetector, painted
from yolact_tf.data.synthetic.scenes import arrange
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated import AugmentedDetector
from yolact_tf.detect.repeated.fusion import View, fused

ALL = (0, 0, 40, 30)


def view(*objects, region=ALL):
    """A View of an image of 30x40 pixels: objects are (box, score, class), their masks fill their boxes."""
    boxes, scores, classes = zip(*objects, strict=True) if objects else ((), (), ())
    windows = tuple((y1, x1, np.ones((y2 - y1, x2 - x1), bool)) for x1, y1, x2, y2 in boxes)
    found = Detections(
        image_size=(30, 40),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        class_ids=np.array(classes, int),
        class_names=tuple(str(c) for c in classes),
        mask_probabilities=np.zeros((len(objects), 0, 0), np.float32),
        given_windows=windows,
    )
    return View(found, region)


def test_boxes_are_averaged_by_score_and_scores_over_views():
    found = fused([view(((10, 10, 20, 20), 0.8, 1)), view(((12, 10, 22, 20), 0.4, 1))])
    assert_allclose(found.boxes, [[(8 * 10 + 4 * 12) / 12, 10, (8 * 20 + 4 * 22) / 12, 20]], rtol=1e-6)
    assert_allclose(found.scores, [(0.8 + 0.4) / 2], rtol=1e-6)
    # The surer one decides where they differ.
    assert found.masks[0, 10:20, 10:20].all() and found.masks.sum() == 100


def test_a_view_that_does_not_find_an_object_halves_its_score_unless_it_does_not_show_it():
    one = view(((10, 10, 20, 20), 0.8, 1))
    assert_allclose(fused([one, view()]).scores, [0.4])
    assert_allclose(fused([one, view(region=(0, 0, 15, 30))]).scores, [0.8])


def test_of_three_masks_the_two_that_agree_are_right():
    far, near = ((10, 10, 20, 20), 0.5, 1), ((10, 10, 20, 18), 0.5, 1)
    found = fused([view(far), view(near), view(near)])
    assert found.masks[0, 10:18, 10:20].all() and found.masks.sum() == 80


def test_neither_classes_nor_neighbours_of_one_view_are_mixed():
    first, second = ((10, 10, 20, 20), 0.8, 1), ((11, 10, 21, 20), 0.7, 1)
    assert len(fused([view(first, second), view(first, second)])) == 2
    assert len(fused([view(first), view(((10, 10, 20, 20), 0.8, 2))])) == 2


def test_of_nothing_nothing_is_made():
    assert len(fused([view(), view()])) == 0


@pytest.mark.parametrize(("flip", "scales"), [(True, (1,)), (False, (0.75, 1, 1.5)), (True, (0.5, 1, 2))])
def test_what_a_perfect_detector_finds_stays_as_it_is(flip, scales):
    stamps, owner = arrange(np.random.default_rng(2), 120, 160, 6, 8)
    image = painted(owner, [stamp.class_index for stamp in stamps])
    detector = ColourDetector()
    expected, found = detector(image), AugmentedDetector(detector, flip, scales)(image)
    rows = {
        mask.tobytes(): (tuple(box), i) for mask, box, i in zip(found.masks, found.boxes, found.class_ids)
    }
    for mask, box, class_id in zip(expected.masks, expected.boxes, expected.class_ids, strict=True):
        assert rows[mask.tobytes()] == (pytest.approx(box, abs=1e-3), class_id)
    # A larger view may take what it shows of an object for all of it, which makes the object less sure.
    assert len(found) == len(expected) and (found.scores > 0.5).all()


def test_one_view_is_the_detectors_own_answer(shapes_run, shapes_data):
    detector = yolact_tf.Detector(yolact_tf.load_run(shapes_run))
    path = sorted((shapes_data / "images").glob("val_*"))[0]
    expected, found = detector(path), AugmentedDetector(detector, flip=False)(path)
    assert_allclose(found.boxes, expected.boxes, rtol=1e-6)
    assert_array_equal(found.class_ids, expected.class_ids)
    assert_array_equal(found.masks, expected.masks)


def test_a_mirrored_image_gives_mirrored_answers(shapes_run, shapes_data):
    detector = AugmentedDetector(yolact_tf.Detector(yolact_tf.load_run(shapes_run)))
    image = yolact_tf.detect.image_inputs.pixels_of(sorted((shapes_data / "images").glob("val_*"))[0]).rgb
    found, mirrored = detector(image), detector(np.ascontiguousarray(image[:, ::-1]))
    assert len(found) == len(mirrored) > 0
    assert_allclose(found.scores, mirrored.scores, atol=1e-5)


@pytest.mark.parametrize("scales", [(), (0.1,), (1, 5), (float("nan"),)])
def test_scales_out_of_reach_are_refused(scales):
    with pytest.raises(ValueError, match="`scales` must be numbers from 0.25 to 4"):
        AugmentedDetector(ColourDetector(), scales=scales)
