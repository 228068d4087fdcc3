import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.boxes import centers_to_corners
from yolact_tf.train.targets import match_anchors, take_rows

MATCHING = {"positive_iou": 0.5, "negative_iou": 0.4, "crowd_overlap": 0.7}


def truth_of(boxes, classes, crowds=(), slots=None):
    """One image: objects first, then crowds, padded to `slots`."""
    boxes = np.asarray([*boxes, *crowds], "float32").reshape(-1, 4)
    slots = slots or max(len(boxes), 1)
    padded = np.zeros((1, slots, 4), "float32")
    padded[0, : len(boxes)] = boxes
    labels = np.zeros((1, slots), "int32")
    labels[0, : len(classes)] = classes
    is_crowd = np.zeros((1, slots), bool)
    is_crowd[0, len(classes) : len(boxes)] = True
    return {
        "boxes": padded,
        "classes": labels,
        "is_crowd": is_crowd,
        "num_objects": np.array([len(boxes)], "int32"),
    }


def match(truth, anchors):
    targets = match_anchors(truth, np.asarray(anchors, "float32"), **MATCHING)
    return {name: value.numpy()[0] for name, value in targets.items()}


# IoU with the whole image is the anchor's width.
STRIPS = [[0, 0, 0.6, 1], [0, 0, 0.45, 1], [0, 0, 0.3, 1], [0, 0, 1, 1]]


def test_positive_neutral_and_background_bands():
    targets = match(truth_of([[0, 0, 1, 1]], [4]), STRIPS)
    assert_array_equal(targets["classes"], [5, -1, 0, 5])


def test_every_object_gets_an_anchor_however_poor():
    targets = match(truth_of([[0, 0, 0.1, 0.1]], [2]), STRIPS)
    assert sorted(targets["classes"]) == [0, 0, 0, 3]
    assert targets["classes"][2] == 3  # the smallest strip overlaps best


def test_forced_anchors_go_to_the_best_pair_first():
    # Both objects like anchor 0 best (IoU 1 and .9); the second must take its next choice.
    objects = [[0, 0, 0.9, 1], [0, 0, 1, 1]]
    targets = match(truth_of(objects, [7, 8]), [[0, 0, 1, 1], [0, 0, 0.2, 1], [0.9, 0, 1, 1]])
    assert targets["classes"][0] == 9
    assert targets["classes"][1] == 8


def test_crowds_only_neutralise():
    crowd = [0.5, 0, 1, 1]
    targets = match(truth_of([[0, 0, 0.3, 1]], [0], [crowd]), [*STRIPS, [0.6, 0, 1, 1]])
    assert targets["classes"][4] == -1
    assert (targets["classes"] == 1).any()


def test_padding_changes_nothing():
    few, many = (truth_of([[0, 0, 1, 1], [0, 0, 0.3, 1]], [4, 5], slots=n) for n in (2, 9))
    for name in ("classes", "box_deltas"):
        assert_allclose(match(few, STRIPS)[name], match(many, STRIPS)[name], atol=1e-6)


@pytest.mark.parametrize("crowds", [[], [[0, 0, 1, 1]]])
def test_an_image_without_objects_has_no_positive(crowds):
    targets = match(truth_of([], [], crowds, slots=3), STRIPS)
    assert (targets["classes"] == (-1 if crowds else 0)).all()
    assert np.isfinite(targets["box_deltas"]).all()


def test_take_rows_takes_each_images_own():
    values = np.arange(2 * 3 * 2).reshape(2, 3, 2)
    taken = take_rows(values, tf.constant([[2, 0], [1, 1]]))
    assert_array_equal(taken, [[[4, 5], [0, 1]], [[8, 9], [8, 9]]])


@pytest.mark.parametrize("case", range(6))
def test_matching_equals_the_reference(parity, case):
    numbers = parity("loss")
    priors = numbers["priors"]
    if case == 4:
        priors = parity("priors")["yolact_resnet50"]
    get = lambda name: numbers[f"match{case}/{name}"]
    truth = truth_of(get("truths"), get("labels"), get("crowd"), slots=25)
    targets = match(truth, centers_to_corners(priors))
    assert_array_equal(targets["classes"], get("conf_t"))
    positive = get("conf_t") > 0
    assert_array_equal(targets["gt_index"][positive], get("idx_t")[positive])
    expected = get("loc_t_pos") if case == 4 else get("loc_t")[positive]
    assert_allclose(targets["box_deltas"][positive], expected, atol=1e-4)
