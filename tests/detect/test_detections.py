"""What Detections of any model can do; tests of what models find are in test_detector.py."""

import dataclasses
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.detect.detections import Detections
from yolact_tf.draw.instances import color_of
from yolact_tf.mask_windows import place_window

SIZE = (60, 80)  # height, width


def detections(*boxes, scores=None, **fields):
    """Detections whose masks fill their boxes, in classes 5 ("cat"), 6 ("dog"), 5, …"""
    count = len(boxes)
    ids = np.array([5 + i % 2 for i in range(count)], int)
    windows = tuple((y1, x1, np.ones((y2 - y1, x2 - x1), bool)) for x1, y1, x2, y2 in boxes)
    return Detections(
        **{
            "image_size": SIZE,
            "boxes": np.array(boxes, "float32").reshape(-1, 4),
            "scores": np.linspace(0.9, 0.1, count, dtype="float32")
            if scores is None
            else np.array(scores, "f"),
            "class_ids": ids,
            "class_names": tuple("cat" if i == 5 else "dog" for i in ids),
            "mask_probabilities": np.zeros((count, 0, 0), "float32"),
            "given_windows": windows,
            **fields,
        }
    )


THREE = detections((10, 10, 30, 30), (20, 20, 50, 50), (60, 5, 64, 9))


def test_classes_are_chosen_by_name_or_id():
    assert THREE.of_classes("cat").scores.tolist() == THREE.scores[[0, 2]].tolist()
    assert len(THREE.of_classes(6)) == len(THREE.of_classes(np.int64(6))) == 1
    assert len(THREE.of_classes("cat", 6)) == 3 and len(THREE.of_classes()) == 0
    with pytest.raises(ValueError, match=r"category ids or names. Received: \['cat'\]"):
        THREE.of_classes(["cat"])


def test_areas_are_pixels_of_masks():
    assert THREE.areas.tolist() == [400, 900, 16]
    assert THREE.of_area(17).areas.tolist() == [400, 900]
    assert THREE.of_area(most=400).areas.tolist() == [400, 16]
    assert THREE.of_area(16, 16).class_names == ("cat",)


def test_filters_work_one_after_the_other():
    found = THREE.of_classes("cat").above(0.2).of_area(100)
    assert found.scores.tolist() == [THREE.scores[0]]


@pytest.mark.parametrize("thresholds", [{5: 0.5, 6: 0.6}, {"cat": 0.5, "dog": 0.6}])
def test_classes_may_have_thresholds_of_their_own(thresholds):
    assert THREE.above(thresholds).class_names == ("cat",)
    assert THREE.above({5: 0.05, 6: 0.4}, top_k=2).class_names == ("cat", "dog")


def test_of_one_object_the_best_class_is_left():
    # The second is the first in another class; the third has its box and hardly a pixel of its mask.
    ring = np.ones((20, 20), bool)
    ring[1:-1, 1:-1] = False
    found = detections((10, 10, 30, 30), (10, 10, 30, 29), (10, 10, 30, 30), (60, 5, 64, 9))
    found = dataclasses.replace(found, given_windows=(*found.windows[:2], (10, 10, ring), found.windows[3]))
    left = found[::-1].one_class_each()
    assert left.scores.tolist() == found.scores[[0, 2, 3]].tolist()
    assert left.windows[1][2] is ring
    assert len(found[:0].one_class_each()) == 0


def test_the_better_mask_is_the_better_one_where_masks_are_rescored():
    found = detections((10, 10, 30, 30), (10, 10, 30, 29), rescored=np.array([0.2, 0.7], "f"))
    assert found.one_class_each().class_names == ("dog",)


def test_masks_are_not_worked_out_where_boxes_tell_objects_apart():
    found = detections(
        (0, 0, 10, 10), (20, 20, 40, 40), given_windows=None, mask_probabilities=np.ones((2, 4, 4), "f")
    )
    found.one_class_each()
    assert "windows" not in vars(found)


def test_the_best_mask_keeps_what_several_hold():
    apart = THREE.disjoint()
    assert apart.masks.sum(0).max() == 1
    assert_array_equal(apart.masks.any(0), THREE.masks.any(0))
    assert apart.areas.tolist() == [400, 800, 16]
    assert_array_equal(apart.boxes, THREE.boxes)
    rescored = dataclasses.replace(THREE, rescored=THREE.scores[::-1].copy())
    assert rescored.disjoint().areas.tolist() == [300, 900, 16]


def test_a_mask_may_vanish_below_better_ones():
    found = detections((0, 0, 20, 20), (5, 5, 10, 10)).disjoint()
    assert len(found) == 2 and found.areas.tolist() == [400, 0]
    assert found.polygons[1] == [] and found.to_yolo({5: "cat", 6: "dog"}).count("\n") == 1


def test_another_size_moves_all_alike():
    small = THREE.resized((30, 40))
    assert small.image_size == (30, 40)
    assert_allclose(small.boxes, THREE.boxes / 2)
    assert_array_equal(small.masks, THREE.masks[:, 1::2, 1::2])
    soft = np.zeros((1, 12, 16), "float32")
    soft[0, 3:9, 4:12] = 1
    one = dataclasses.replace(
        THREE[0], given_windows=None, mask_probabilities=soft, boxes=np.array([[20, 15, 60, 45]], "f")
    )
    assert one.resized((120, 160)).masks.sum() == pytest.approx(4 * one.masks.sum(), rel=0.05)


def test_smooth_masks_come_from_logits():
    # A disc: the sigmoid of a cone is steep, the cone itself is straight.
    y, x = np.mgrid[:15, :20]
    logits = (6 * (4.3 - np.hypot(y - 7, x - 9.5))).astype("float32")
    soft = (1 / (1 + np.exp(-logits)))[None]
    box = np.array([[0, 0, 80, 60]], "float32")
    coarse = dataclasses.replace(
        THREE[0],
        given_windows=None,
        boxes=box,
        mask_probabilities=soft,
        prototypes=logits[..., None],
        coefficients=np.ones((1, 1), "float32"),
    )
    smooth = dataclasses.replace(coarse, mask_upsampling="logits")
    y, x = np.mgrid[:60, :80]
    disc = np.hypot((y + 0.5) / 4 - 7.5, (x + 0.5) / 4 - 10) < 4.3
    error, rough = ((found.masks[0] != disc).sum() for found in (smooth, coarse))
    assert error < 0.3 * rough
    told_less = dataclasses.replace(smooth, prototypes=None)
    assert (told_less.masks != smooth.masks).sum() < 0.3 * rough


@pytest.mark.parametrize("compact", [False, True])
def test_supervision_gets_the_same(compact):
    supervision = pytest.importorskip("supervision")
    tracked = dataclasses.replace(THREE, track_ids=np.array([4, -1, 9]))
    found = tracked.to_supervision(compact)
    assert isinstance(found, supervision.Detections) and len(found) == 3
    assert_array_equal(np.asarray(found.mask), THREE.masks)
    assert_allclose(found.xyxy, THREE.boxes)
    assert found.class_id.tolist() == [5, 6, 5] and found.tracker_id.tolist() == [4, -1, 9]
    assert found.data["class_name"].tolist() == ["cat", "dog", "cat"]
    assert found[found.confidence > 0.4].area.tolist() == [400, 900]
    assert THREE.to_supervision(compact).tracker_id is None
    drawn = supervision.MaskAnnotator().annotate(np.zeros((*SIZE, 3), "uint8"), found)
    assert (drawn.any(2) == THREE.masks.any(0)).all()
    nothing = THREE[:0].to_supervision(compact)
    assert len(nothing) == 0 and nothing.mask.shape == (0, *SIZE)


def test_tracks_are_written_and_coloured():
    tracked = dataclasses.replace(THREE, track_ids=np.array([4, -1, 9]))
    assert [row["track_id"] for row in tracked.to_coco(1)] == [4, -1, 9]
    assert [row["track_id"] for row in json.loads(tracked.to_json())] == [4, -1, 9]
    picture = tracked.draw(np.zeros((*SIZE, 3), "uint8"))
    assert_allclose(picture[27, 15], 0.45 * np.array(color_of(4)), atol=1)


def test_the_strongest_is_on_top_whatever_the_order():
    image = np.zeros((*SIZE, 3), "uint8")
    assert_array_equal(THREE[::-1].draw(image), THREE.draw(image))
    assert_allclose(THREE.draw(image)[27, 15], 0.45 * np.array(color_of(5)), atol=1)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"image of \(60, 80\) pixels. Received: \(30, 40\)"):
        THREE.draw(np.zeros((30, 40, 3), "uint8"))
    with pytest.raises(ValueError, match=r"image of \(60, 80\) pixels. Received: \(30, 40\)"):
        THREE.cutouts(np.zeros((30, 40, 3), "uint8"))


def test_cutouts_are_the_object_and_nothing_else():
    image = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), "uint8")
    first, second, _ = THREE.disjoint().cutouts(image)
    assert first.shape == (20, 20, 4) and (first[..., 3] == 255).all()
    assert_array_equal(first[..., :3], image[10:30, 10:30])
    assert second.shape == (30, 30, 4)
    assert (second[:10, :10, 3] == 0).all() and (second[10:, :, 3] == 255).all()


def test_large_images_cost_what_their_objects_do():
    side = 20_000  # whose mask as pixels takes 400 MB
    window = (side - 50, 40, np.ones((50, 60), bool))
    one = dataclasses.replace(THREE[0], image_size=(side, side), given_windows=(window,))
    (rle,) = one.rle
    assert coco_mask.area(rle) == 3000 and coco_mask.toBbox(rle).tolist() == [40, side - 50, 60, 50]
    ((polygon,),) = one.polygons
    assert polygon.outline.max(0).tolist() == [100, side]


def test_a_selection_selects_everything():
    tracked = dataclasses.replace(
        THREE, track_ids=np.array([4, -1, 9]), rescored=np.array([0.3, 0.2, 0.1], "f"), coefficients=np.eye(3)
    )
    last = tracked[np.array([2])]
    assert last.track_ids.tolist() == [9] and last.rescored.tolist() == pytest.approx([0.1])
    assert last.coefficients.tolist() == [[0, 0, 1]] and last.class_names == ("cat",)
    assert_array_equal(last.masks[0], place_window(5, 60, np.ones((4, 4), bool), SIZE))
    assert len(tracked[0]) == len(tracked[-1:]) == 1
