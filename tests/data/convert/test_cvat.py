"""CVAT for images: groups, subsets, every kind of shape, and what is malformed."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.data.convert.made import (
    HEIGHT,
    WIDTH,
    apart,
    assert_same_objects,
    instance,
    kinds,
    malformed,
    objects_of,
    ring,
    square,
    there_and_back,
    write_image,
)
from yolact_tf.data.convert import WRITERS
from yolact_tf.data.convert.cvat import read_cvat
from yolact_tf.data.convert.data_set import Category, Instance

POLYGON = '<polygon label="cat" points="2,2;20,2;20,15"/>'


def write_folder(
    folder, shapes, image=f'name="a.png" width="{WIDTH}" height="{HEIGHT}"', place="images/a.png"
):
    """One image with shapes, and a head that knows cat and dog."""
    write_image(folder / place)
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("dog", "cat"))
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    text = f'<annotations><version>1.1</version>{meta}\n<image id="0" {image}>{shapes}</image></annotations>'
    (folder / "annotations.xml").write_text(text, encoding="utf-8")
    return folder


def test_polygons_groups_holes_parts_and_overlaps_survive(tmp_path):
    two = Instance(2, polygons=square(2, 2, 12.5, 12).polygons + square(8, 8.123456, 20, 20).polygons)
    objects = [square(1, 1, 5, 5), two, instance(ring()), instance(apart(), 2), square(3, 3, 6, 6), two]
    data_set, again, report = there_and_back(tmp_path, "cvat", objects)
    assert_same_objects(again, data_set)
    assert_array_equal(again.splits["train"][0].instances[1].polygons[1], two.polygons[1])
    assert report.objects == {"train": 6} and not report.losses


def test_fields_and_attributes_survive(tmp_path):
    extra = {"occluded": 1, "z_order": -3, "attributes": {"colour": "röt & blue"}}
    _, again, report = there_and_back(tmp_path, "cvat", [square(1, 1, 5, 5, extra={**extra, "flags": {}})])
    assert again.splits["train"][0].instances[0].extra == extra
    assert kinds(report.losses) == {"fields of objects (flags)": 1}


def test_crowds_and_objects_without_pixels_are_left_out(tmp_path):
    nothing = instance(np.zeros((HEIGHT, WIDTH), bool))
    _, again, report = there_and_back(tmp_path, "cvat", [square(1, 1, 5, 5, is_crowd=True), nothing])
    assert objects_of(again) == {"train/a.png": []} and report.objects == {"train": 0}
    assert kinds(report.losses) == {"crowd regions left out": 1, "objects without pixels": 1}


def test_nested_names_any_script_and_unused_classes_survive(tmp_path):
    options = {"name": "sub/é <1>.png", "split": "test", "categories": {1: Category("z"), 2: Category("猫")}}
    data_set, again, _ = there_and_back(tmp_path, "cvat", [square(1, 1, 5, 5, category_id=2)], **options)
    assert_same_objects(again, data_set)
    assert again.categories == data_set.categories


@pytest.mark.parametrize(
    ("subset", "split"),
    [
        *(("", "train"), ("default", "train"), ("Validation", "val"), ("Test", "test"), ("val2017", "val")),
        ("kitchen", "train"),  # it is all that there is
    ],
)
@pytest.mark.parametrize("inner", [True, False])
def test_subsets_are_splits(tmp_path, subset, split, inner):
    place = f"images/{subset}/a.png" if inner else "images/a.png"
    write_folder(tmp_path, POLYGON, f'name="a.png" subset="{subset}"', place)
    data_set = read_cvat(tmp_path)
    assert [o[0] for o in objects_of(data_set)[f"{split}/a.png"]] == ["cat"]
    assert [c.name for c in data_set.categories.values()] == ["dog", "cat"]


def test_subsets_of_other_names_stay_what_they_are(tmp_path):
    images = "".join(
        f'<image name="{subset}.png" subset="{subset}">{POLYGON}</image>'
        for subset in ("To do", "Train", "dev")
    )
    for subset in ("To do", "Train", "dev"):
        write_image(tmp_path / "images" / subset / f"{subset}.png")
    (tmp_path / "annotations.xml").write_text(f"<annotations>{images}</annotations>")
    data_set = read_cvat(tmp_path)
    assert {split: [p.name for p in pictures] for split, pictures in data_set.splits.items()} == {
        **{"train": ["Train.png"], "To do": ["To do.png"], "dev": ["dev.png"]}
    }
    for name, write in WRITERS.items():
        (tmp_path / name).mkdir()
        assert write(data_set, tmp_path / name).objects == {"train": 1, "To do": 1, "dev": 1}


def test_a_subset_that_no_folder_can_be_called_is_left_out(tmp_path):
    write_folder(tmp_path, "", 'name="a.png" subset="../b"/><image name="a.png" subset="c"')
    data_set = read_cvat(tmp_path)
    noun, line = malformed(data_set)
    assert noun == "image" and "Received: '../b'" in line and list(data_set.splits) == ["c"]


def test_shapes_of_one_label_and_group_are_one_object(tmp_path):
    grouped = POLYGON.replace("/>", ' group_id="4"/>')
    write_folder(tmp_path, grouped + POLYGON + grouped + POLYGON.replace("/>", ' group_id="0"/>'))
    assert [len(i.polygons) for i in read_cvat(tmp_path).splits["train"][0].instances] == [2, 1, 1]


def test_what_has_no_area_is_counted(tmp_path):
    shapes = '<polyline label="cat" points="1,1;2,2"/><tag label="cat"/>'
    write_folder(tmp_path, shapes + POLYGON + '<ellipse label="cat" cx="9" cy="9" rx="3" ry="4"/>')
    data_set = read_cvat(tmp_path)
    assert len(data_set.splits["train"][0].instances) == 2
    assert kinds(data_set.losses) == {
        "`polyline` shapes, which have no area": 1,
        "`tag` shapes, which have no area": 1,
        "ellipses, now polygons": 1,
    }


def test_boxes_are_known_as_such(tmp_path):
    write_folder(tmp_path, '<box label="cat" xtl="5" ytl="6" xbr="15" ybr="9"/>' + POLYGON)
    data_set = read_cvat(tmp_path)
    assert objects_of(data_set)["train/a.png"][0][2].sum() == 30
    assert [i.is_box for i in data_set.splits["train"][0].instances] == [True, False]


def test_tracks_are_counted(tmp_path):
    write_folder(tmp_path, POLYGON)
    file = tmp_path / "annotations.xml"
    file.write_text(file.read_text().replace("</annotations>", '<track label="cat"/></annotations>'))
    assert kinds(read_cvat(tmp_path).losses) == {"tracks of a video": 1}


@pytest.mark.parametrize(
    ("shapes", "image", "message"),
    [
        (
            '<polygon label="cat" points="1,2;3,4"/>',
            'name="a.png"',
            "shape 1: expected a polygon of at least",
        ),
        (POLYGON + '<polygon label="cat" points="1,2;3"/>', 'name="a.png"', "shape 2: expected a polygon"),
        (POLYGON + '<box label="cat" xtl="1"/>', 'name="a.png"', "shape 2: expected numbers. Received: ''"),
        ('<blob label="cat"/>', 'name="a.png"', "shape 1: expected one of polygon, box.* Received: 'blob'"),
        ('<polygon points="2,2;20,2;20,15"/>', 'name="a.png"', "shape 1: expected a `label`"),
        (POLYGON.replace("/>", ' group_id="x"/>'), 'name="a.png"', "expected a whole number as `group_id`"),
        ("", 'name="a.png" width="41"', r"a.png: expected 41x30 pixels"),
        ("", 'name="a.png" width="wide"', "expected a whole number as `width`"),
        ("", 'name="b.png"', r"b.png: no such image file"),
        ("", 'name="../a.png"', "expected image names below the image folder"),
    ],
)
def test_what_is_malformed_is_named_and_left_out(tmp_path, shapes, image, message):
    write_folder(tmp_path, shapes + POLYGON, image)
    data_set = read_cvat(tmp_path)
    noun, line = malformed(data_set)
    assert re.search(message, line) and str(tmp_path) in line
    if noun == "object":
        assert len(data_set.splits["train"][0].instances) == 1 + shapes.count(POLYGON)
    else:
        assert not data_set.splits and not shapes


def test_malformed_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected annotations.xml"):
        read_cvat(tmp_path)
    for text, message in (
        ("<annotations>\n<image>\n</annotations>", r"expected XML. Received: mismatched tag: line 3"),
        ("<dataset/>", r"expected CVAT's `annotations`. Received: `dataset`"),
        ("<annotations/>", r"expected CVAT for images with `image` elements"),
    ):
        (tmp_path / "annotations.xml").write_text(text)
        with pytest.raises(ValueError, match=rf"annotations.xml: {message}"):
            read_cvat(tmp_path)
