from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from yolact_tf.data.load import load_data
from yolact_tf.evaluate import evaluate
from yolact_tf.explain.mask_sums import whole_masks
from yolact_tf.explain.uncropped_figure import draw_crop_by_size
from yolact_tf.explain.uncropped_masks import SIZES, crop_by_size, without_crop


@pytest.fixture(scope="module")
def found(detector, shapes_data):
    seen = []
    # What it learned from, since it has learned little.
    result = crop_by_size(detector, shapes_data, "train", lambda *numbers: seen.append(numbers))
    assert seen == [(number, 24) for number in range(1, 25)]
    return result


def test_ap_with_the_crop_is_what_evaluation_says(found, detector, shapes_data):
    metrics, _ = evaluate(detector, shapes_data, "train")
    names = {"all": "AP", "small": "APs", "medium": "APm", "large": "APl"}
    assert_allclose([found.cropped_ap[n] for n in names], [metrics["segm"][k] for k in names.values()])
    assert found.whole_ap.keys() == found.cropped_ap.keys()


def test_each_object_has_the_iou_of_its_two_masks(found, detector, shapes_data):
    assert found.objects
    truth = {record.image_id: record for record in load_data(shapes_data, "train").records}
    for one in found.objects:
        record = truth[one.record.image_id]
        detected = detector(record.read_image())
        category = list(detector.labels)[record.classes[one.index]]
        assert detected.class_ids[one.detection] == category
        true = record.mask(one.index)
        for masks, iou in ((detected.masks, one.cropped_iou), (whole_masks(detected), one.whole_iou)):
            mask = masks[one.detection]
            assert_allclose(iou, (mask & true).sum() / (mask | true).sum(), atol=1e-6)
        assert_allclose(one.side**2, true.sum(), rtol=0.02)


def test_sizes_part_the_objects(found):
    assert sum(len(found.of_size(name)) for name in SIZES) == len(found.objects)
    assert all(one.side < 32 for one in found.of_size("small"))


def test_without_crop_changes_masks_alone(detector, image):
    found = detector(image)[:3]
    whole = without_crop(found)
    assert_array_equal(whole.masks, whole_masks(found))
    assert_array_equal(whole.boxes, found.boxes)
    assert whole.class_names == found.class_names and len(whole.rle) == 3


def test_a_picture_of_numbers_and_of_an_example_a_size(found, detector):
    picture = draw_crop_by_size(found, detector)
    sizes = sum(bool(found.of_size(name)) for name in SIZES)
    assert picture.shape[1:] == (1400, 3) and picture.shape[0] > 500 + 300 * sizes


def test_a_model_that_finds_nothing_still_has_numbers(run, shapes_data):
    strict = replace(run.config.detect, score_threshold=1.0)
    blind = yolact_tf.Detector(replace(run, config=replace(run.config, detect=strict)))
    found = crop_by_size(blind, shapes_data)
    assert found.objects == [] and found.whole_ap["all"] == 0
    assert np.isfinite(draw_crop_by_size(found, blind)).all()
