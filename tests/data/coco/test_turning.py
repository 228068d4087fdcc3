"""Annotations turned as their image is: against the pixels themselves, and back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.turning import (
    as_annotated,
    turn_annotation,
    turn_between,
    turn_boxes,
    turn_points,
    turn_record,
    turn_runs,
)
from yolact_tf.data.record import Record, corners_of
from yolact_tf.images.orientation import turn, undoing

HEIGHT, WIDTH = 5, 8
SIZE = WIDTH, HEIGHT


def masks():
    """Masks [H, W]: empty, full, in the corners, of columns that touch, and of noise."""
    noise = np.random.default_rng(0).random((6, HEIGHT, WIDTH)) < 0.4
    shapes = np.zeros((5, HEIGHT, WIDTH), bool)
    shapes[1] = True
    shapes[2, [0, 0, -1, -1], [0, -1, 0, -1]] = True
    shapes[3, :, 2:4] = True
    shapes[4, 1:3, 3:7] = True
    return [*shapes, *noise]


def runs_of(mask):
    flat = mask.ravel(order="F")
    flips = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(flips, prepend=0, append=flat.size).astype("int32")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_run_lengths_turn_as_pixels_do_and_back(orientation):
    for mask in masks():
        turned = turn_runs(runs_of(mask), SIZE, orientation)
        assert_array_equal(turned, runs_of(turn(mask, orientation)))
        assert turned.dtype == np.int32
        size = SIZE[::-1] if orientation > 4 else SIZE
        assert_array_equal(turn_runs(turned, size, undoing(orientation)), runs_of(mask))


def test_run_lengths_of_no_length_say_nothing():
    runs = np.array([0, 3, 0, 2, 5, 0, 30], "int32")  # the first column, in two parts
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[:, 0] = True
    assert_array_equal(turn_runs(runs, SIZE, 6), runs_of(turn(expected, 6)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_and_outlines_turn_as_pixels_do(orientation):
    x, y, w, h = 3, 1, 4, 2
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[y : y + h, x : x + w] = True
    rows, columns = np.nonzero(turn(mask, orientation))
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert_array_equal(turn_boxes(np.array([[x, y, w, h]], float), SIZE, orientation), [box])
    corners = turn_points(np.array([[x, y], [x + w, y + h]], float), SIZE, orientation)
    assert_array_equal([*corners.min(0), *np.ptp(corners, 0)], box)


def test_a_camera_held_upright():
    # 8 x 5 stored, 5 x 8 seen: what was the left edge is the upper one, and the top is on the right.
    assert_array_equal(turn_points(np.array([[0.0, 0], [8, 5]]), SIZE, 6), [[5, 0], [0, 8]])
    assert_array_equal(turn_boxes(np.array([[1.0, 0, 2, 1]]), SIZE, 6), [[4, 1, 1, 2]])


def test_an_annotation_turns_with_all_that_it_places():
    polygon = [1.1, 0.0, 3.0, 0.0, 3.0, 1.3]
    annotation = {
        "id": 7,
        "bbox": [1.1, 0, 1.9, 1.3],
        "segmentation": [polygon],
        "keypoints": [1, 0, 2, 0, 0, 0],
        "area": 1.2,
    }
    turned = turn_annotation(annotation, SIZE, 6)
    assert turned == {
        "id": 7,
        "bbox": [3.7, 1.1, 1.3, 1.9],
        "segmentation": [[5.0, 1.1, 5.0, 3.0, 3.7, 3.0]],
        "keypoints": [5, 1, 2, 0, 0, 0],
        "area": 1.2,
    }
    again = turn_annotation(turned, (HEIGHT, WIDTH), 8)
    assert again == annotation


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_both_kinds_of_rle_turn(orientation):
    for mask in masks():
        rle = coco_mask.encode(np.asfortranarray(mask, "uint8"))
        text = {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}
        plain = {"size": [HEIGHT, WIDTH], "counts": runs_of(mask).tolist()}
        for given in (text, plain):
            turned = turn_annotation({"segmentation": given}, SIZE, orientation)["segmentation"]
            assert turned["size"] == [WIDTH, HEIGHT]
            assert_array_equal(coco_mask.decode(turned), turn(mask, orientation))


def test_a_record_turns_and_comes_back_as_annotated():
    runs = tuple(runs_of(mask) for mask in masks()[1:])
    xywh = np.array([[1.25, 0.5, 3, 2]] * len(runs))
    zeros = np.zeros(len(runs), "int32")
    boxes = corners_of(xywh, HEIGHT, WIDTH)
    record = Record(1, "a.jpg", HEIGHT, WIDTH, boxes, zeros, zeros > 0, zeros + 1.0, runs, xywh)
    upright = turn_record(record, 8)
    assert (upright.height, upright.width, upright.turned) == (WIDTH, HEIGHT, 8)
    assert_allclose(upright.boxes[0], [0.1, 1 - 4.25 / 8, 0.5, 1 - 1.25 / 8])
    again = as_annotated(upright)
    assert again.turned == 1
    assert_array_equal(again.xywh, xywh)
    assert_array_equal(again.boxes, boxes)
    for received, expected in zip(again.runs, runs, strict=True):
        assert_array_equal(received, expected)
    assert turn_record(record, 1) is record


@pytest.mark.parametrize(
    "annotated, orientation, expected",
    [
        ((30, 40), 6, 1),  # of the upright image already
        ((40, 30), 6, 6),
        ((40, 30), 8, 8),
        ((40, 30), 3, None),  # of another image
        ((40, 30), 1, None),
        ((30, 41), 6, None),
    ],
)
def test_the_size_tells_whose_pixels_are_meant(annotated, orientation, expected):
    assert turn_between(annotated, (30, 40), orientation) == expected
    assert turn_between((9, 9), (9, 9), orientation) == 1
