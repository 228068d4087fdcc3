import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.detect.test_detections import SIZE, THREE, detections
from yolact_tf.data.convert.regions import mask_of
from yolact_tf.detect.annotations import picture_of

LABELS = {5: "cat", 6: "dog"}


def with_holes():
    """One detection of two parts, one of which has two holes."""
    mask = np.zeros((40, 60), bool)
    mask[2:30, 3:40] = mask[32:38, 45:58] = True
    mask[6:14, 8:20] = mask[18:26, 22:34] = False
    return detections((10, 10, 70, 50), given_windows=((10, 10, mask),))


@pytest.mark.parametrize("found", [THREE, with_holes(), THREE.disjoint()])
def test_polygons_give_the_masks_back(found):
    picture = picture_of(found, "a.png")
    assert (picture.width, picture.height) == SIZE[::-1] and len(picture.instances) == len(found)
    for instance, mask, polygons in zip(picture.instances, found.masks, found.polygons, strict=True):
        assert len(instance.polygons) == len(polygons)
        assert_array_equal(mask_of(instance, *SIZE), mask)


def test_yolo_lines_count_classes_and_tie_parts():
    lines = with_holes().to_yolo({1: "bird", **LABELS}).splitlines()
    assert len(lines) == 1
    number, *values = lines[0].split()
    assert number == "1" and len(values) % 2 == 0
    assert all(0 <= float(value) <= 1 for value in values)
    assert [line.split()[0] for line in THREE.to_yolo(LABELS).splitlines()] == ["0", "1", "0"]
    assert THREE[:0].to_yolo(LABELS) == ""
    with pytest.raises(ValueError, match=r"`labels` of all classes found. Received none for \[6\]"):
        THREE.to_yolo({5: "cat"})


def test_labelme_shapes_of_one_object_are_a_group():
    content = json.loads(with_holes().to_labelme("folder/a.png"))
    assert content["imagePath"] == "a.png"
    assert (content["imageHeight"], content["imageWidth"]) == SIZE
    assert [shape["group_id"] for shape in content["shapes"]] == [1, 1]
    shapes = json.loads(THREE.to_labelme("a.png"))["shapes"]
    assert [(shape["label"], shape["group_id"]) for shape in shapes] == [
        ("cat", None),
        ("dog", None),
        ("cat", None),
    ]
    assert [shape["score"] for shape in shapes] == pytest.approx(THREE.scores.tolist(), abs=1e-4)
    assert json.loads(THREE[:0].to_labelme("a.png"))["shapes"] == []


def test_what_has_no_pixels_has_no_outline():
    gone = detections((0, 0, 20, 20), (5, 5, 10, 10)).disjoint()
    _, nothing = picture_of(gone, "a.png").instances
    assert not nothing.polygons
    assert_array_equal(mask_of(nothing, *SIZE), np.zeros(SIZE, bool))
    assert len(json.loads(gone.to_labelme("a.png"))["shapes"]) == 1
