import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.boxes import area, centers_to_corners, intersection, iou
from yolact_tf.losses.targets import match_anchors, take_rows

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


def by_the_rule(truth, image, anchors):
    """Classes and objects of the anchors of one image, a pair at a time as the reference says."""
    anchors, boxes = (np.asarray(corners, "float32") for corners in (anchors, truth["boxes"][image]))
    used = np.arange(len(boxes)) < truth["num_objects"][image]
    is_object, is_crowd = used & ~truth["is_crowd"][image], used & truth["is_crowd"][image]
    overlaps = np.where(is_object[:, None], np.array(iou(boxes, anchors)), -1)
    index, best, left = overlaps.argmax(0), overlaps.max(0), overlaps.copy()
    for _ in range(is_object.sum()):
        slot, anchor = np.unravel_index(left.argmax(), left.shape)
        index[anchor], best[anchor] = slot, 2
        left[slot], left[:, anchor] = -1, -1
    classes = truth["classes"][image][index] + 1
    classes[best < 0.5] = -1
    classes[best < 0.4] = 0
    shares = np.array(intersection(boxes, anchors)) / np.array(area(anchors))
    classes[(classes <= 0) & (np.where(is_crowd[:, None], shares, 0).max(0) > 0.7)] = -1
    return classes, index


@pytest.mark.parametrize(("slots", "most"), [(12, 3), (6, 6), (4, 0)])
def test_matching_follows_the_rule_where_overlaps_are_equal(slots, most):
    """Boxes on a coarse grid, so that most pairs overlap as much as some other."""
    rng = np.random.default_rng(most)
    corners = np.sort(rng.integers(0, 5, (3, slots, 2, 2)), 2) / 4 + [[0, 0], [0.25, 0.25]]
    truth = {
        "boxes": corners.reshape(3, slots, 4).astype("float32"),
        "classes": rng.integers(0, 9, (3, slots)).astype("int32"),
        "is_crowd": rng.uniform(size=(3, slots)) < 0.3,
        "num_objects": np.array([most, 0, most // 2], "int32"),
    }
    steps = np.arange(5) / 4
    anchors = [[x, y, x + side, y + side] for side in (0.25, 0.5) for y in steps for x in steps]
    matching = lambda truth: match_anchors(truth, np.array(anchors, "float32"), **MATCHING)
    targets = tf.function(matching, jit_compile=True)(truth)
    for image in range(3):
        classes, index = by_the_rule(truth, image, anchors)
        assert_array_equal(targets["classes"][image], classes)
        positive = classes > 0
        assert_array_equal(np.array(targets["gt_index"][image])[positive], index[positive])


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
