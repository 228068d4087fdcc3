import itertools

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from yolact_tf import boxes


def some_boxes(count, seed=0):
    corners = np.random.default_rng(seed).uniform(0, 1, (count, 2, 2)).astype("float32")
    corners.sort(axis=1)
    return corners.reshape(count, 4)


def test_centers_undo_corners():
    corners = some_boxes(50)
    assert_allclose(boxes.centers_to_corners(boxes.corners_to_centers(corners)), corners, atol=1e-6)


def test_decode_undoes_encode():
    gt, anchors = some_boxes(40), some_boxes(40, seed=1)
    assert_allclose(boxes.decode(boxes.encode(gt, anchors), anchors), gt, atol=1e-5)


def test_encode_worked_by_hand():
    # Anchor centre (.3, .35), size (.2, .3); gt centre (.3, .4), size (.4, .4):
    # dy = .05 / (.1 * .3) = 1.666667, dw = ln(.4 / .2) / .2, dh = ln(.4 / .3) / .2.
    anchor = boxes.centers_to_corners(np.array([[0.3, 0.35, 0.2, 0.3]], "float32"))
    deltas = boxes.encode(np.array([[0.1, 0.2, 0.5, 0.6]], "float32"), anchor)
    assert_allclose(deltas, [[0, 1.666667, 3.465736, 1.438411]], atol=1e-5)


def test_one_center_delta_moves_a_tenth_of_the_anchor():
    moved = boxes.decode(np.array([[1.0, 0, 0, 0]], "f"), np.array([[0.0, 0, 1, 1]], "f"))
    assert_allclose(moved, [[0.1, 0.0, 1.1, 1.0]], atol=1e-6)


def test_decode_stays_finite_when_a_network_diverges():
    decoded = boxes.decode(np.array([[0, 0, 1e6, 1e6]], "f"), np.array([[0.4, 0.4, 0.6, 0.6]], "f"))
    assert np.isfinite(decoded).all()


def test_iou_is_symmetric_and_one_with_itself():
    corners = some_boxes(30)
    overlaps = np.asarray(boxes.iou(corners, corners))
    assert_allclose(overlaps, overlaps.T, atol=1e-6)
    assert_allclose(np.diag(overlaps), 1, atol=1e-6)


def test_giou_worked_by_hand():
    # Two 2x2 boxes that share a corner of 1: IoU 1/7; the hull is 3x3, of which 2 is no box's.
    first, second = np.array([[0, 0, 2, 2]], "f"), np.array([[1, 1, 3, 3]], "f")
    assert_allclose(boxes.paired_giou(first, second), [1 / 7 - 2 / 9], rtol=1e-6)


def test_giou_is_symmetric_one_with_itself_and_without_scale():
    first, second = some_boxes(30), some_boxes(30, seed=1)
    giou = np.asarray(boxes.paired_giou(first, second))
    assert_allclose(giou, boxes.paired_giou(second, first), atol=1e-6)
    assert_allclose(giou, boxes.paired_giou(7 * first - 3, 7 * second - 3), atol=1e-4)
    assert_allclose(boxes.paired_giou(first, first), 1, atol=1e-5)
    assert (giou <= np.diag(boxes.iou(first, second)) + 1e-6).all()


def test_giou_falls_to_minus_one_with_distance():
    distances = np.array([0, 1, 10, 1000], "f")[:, None] * np.array([1, 0, 1, 0], "f")
    near = np.array([0, 0, 1, 1], "f")
    assert_allclose(boxes.paired_giou(near, near + distances), [1, 0, -9 / 11, -999 / 1001], atol=1e-5)


@pytest.mark.parametrize("overlap", [boxes.paired_iou, boxes.paired_giou])
def test_paired_overlaps_and_their_gradients_are_finite_of_boxes_without_area(overlap):
    sides = [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1], [9, 9, 9, 9], [-1e4, 0, 1e4, 1e-9]]
    first, second = (np.array(pair, "f") for pair in zip(*itertools.product(sides, sides), strict=True))
    first = tf.Variable(first)
    with tf.GradientTape() as tape:
        values = overlap(first, second)
    assert np.isfinite(values).all() and np.isfinite(tape.gradient(values, first)).all()


def test_paired_iou_is_that_of_the_pair():
    first, second = some_boxes(30), some_boxes(30, seed=1)
    assert_allclose(boxes.paired_iou(first, second), np.diag(boxes.iou(first, second)), atol=1e-6)


def test_clip_orders_and_bounds():
    clipped = boxes.clip(np.array([[0.9, -0.2, 0.3, 1.4]], "float32"))
    assert_allclose(clipped, [[0.3, 0, 0.9, 1]])


def test_no_boxes_give_an_empty_matrix():
    assert boxes.iou(np.zeros((0, 4), "f"), some_boxes(3)).shape == (0, 3)


@pytest.mark.parametrize("name", ["jaccard", "intersect"])
def test_overlaps_equal_the_reference(parity, name):
    numbers = parity("box_ops")
    ours = boxes.iou if name == "jaccard" else boxes.intersection
    assert_allclose(ours(numbers["A"], numbers["B"]), numbers[f"{name}_AB"], atol=1e-5)


def test_coding_equals_the_reference(parity):
    numbers = parity("box_ops")
    anchors = boxes.centers_to_corners(numbers["priors"])
    count = len(numbers["priors"])
    assert_allclose(boxes.encode(numbers["A"][:count], anchors), numbers["encode_A"], rtol=1e-5, atol=1e-4)
