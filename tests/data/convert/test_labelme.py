"""labelme: groups, every kind of shape, images inside the JSON, and what is malformed."""

import base64
import io
import json
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.data.convert.made import (
    CATEGORIES,
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
from yolact_tf.data.convert.data_set import Category, Instance
from yolact_tf.data.convert.labelme import read_labelme, write_labelme

TRIANGLE = [[2, 2], [20, 2], [20, 15]]


def shape(kind="polygon", points=TRIANGLE, label="cat", **fields):
    return {"label": label, "points": points, "shape_type": kind, "group_id": None, "flags": {}, **fields}


def write_file(folder, shapes, name="a", **changes):
    """One image with its JSON."""
    if changes.get("imageData") is None:
        write_image(folder / f"{name}.png")
    content = {
        **{"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.png"},
        **{"imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH, **changes},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def masks_of(folder):
    """The masks of the only image in a folder."""
    (objects,) = objects_of(read_labelme(folder)).values()
    return [mask for *_, mask in objects]


def test_polygons_groups_holes_and_parts_survive(tmp_path):
    two = Instance(2, polygons=square(2, 2, 12.5, 12).polygons + square(8, 8.25, 20, 20).polygons)
    objects = [square(1, 1, 5, 5), two, instance(ring()), instance(apart(), 2), square(3, 3, 6, 6)]
    data_set, again, report = there_and_back(tmp_path, "labelme", objects)
    assert_same_objects(again, data_set)
    assert_array_equal(again.splits["train"][0].instances[1].polygons[1], two.polygons[1])
    assert report.objects == {"train": 5} and not report.losses


def test_flags_and_descriptions_survive(tmp_path):
    extra = {"flags": {"blurred": True}, "description": "by the door"}
    _, again, report = there_and_back(
        tmp_path, "labelme", [square(1, 1, 5, 5, extra={**extra, "pose": "Left"})]
    )
    assert again.splits["train"][0].instances[0].extra == extra
    assert kinds(report.losses) == {"fields of objects (pose)": 1}


def test_crowds_and_objects_without_pixels_are_left_out(tmp_path):
    nothing = instance(np.zeros((HEIGHT, WIDTH), bool))
    _, again, report = there_and_back(tmp_path, "labelme", [square(1, 1, 5, 5, is_crowd=True), nothing])
    assert objects_of(again) == {"train/a.png": []} and report.objects == {"train": 0}
    assert kinds(report.losses) == {"crowd regions left out": 1, "objects without pixels": 1}


def test_nested_names_any_script_and_unused_classes_survive(tmp_path):
    options = {"name": "sub/é 1.png", "split": "val", "categories": {1: Category("zèbre"), 2: Category("猫")}}
    data_set, again, _ = there_and_back(tmp_path, "labelme", [square(1, 1, 5, 5, category_id=2)], **options)
    assert_same_objects(again, data_set)
    assert again.categories == data_set.categories
    content = json.loads((tmp_path / "labelme" / "val" / "sub" / "é 1.json").read_text(encoding="utf-8"))
    assert content["imagePath"] == "é 1.png" and content["imageData"] is None


def test_without_labels_txt_classes_are_sorted_and_a_plain_folder_is_training(tmp_path):
    write_file(tmp_path / "deep", [shape(label="dog"), shape(label="cat")])
    data_set = read_labelme(tmp_path)
    assert data_set.categories == CATEGORIES
    assert [p.name for p in data_set.splits["train"]] == ["deep/a.png"]


def test_shapes_of_one_label_and_group_are_one_object(tmp_path):
    far = [[30, 20], [38, 20], [38, 28]]
    write_file(tmp_path, [shape(group_id=1), shape(points=far, group_id=1), shape(label="dog", group_id=1)])
    data_set = read_labelme(tmp_path)
    assert [len(i.polygons) for i in data_set.splits["train"][0].instances] == [2, 1]
    assert kinds(data_set.losses) == {"groups of several categories": 1}


def test_a_rectangle_is_its_pixels_in_any_order_of_corners(tmp_path):
    write_file(
        tmp_path,
        [shape("rectangle", [[15, 9], [5, 6]]), shape("rectangle", [[5, 6], [15, 6], [15, 9], [5, 9]])],
    )
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[6:9, 5:15] = True
    masks = masks_of(tmp_path)
    assert len(masks) == 2
    for mask in masks:
        assert_array_equal(mask, expected)
    assert [i.is_box for i in read_labelme(tmp_path).splits["train"][0].instances] == [True, True]


def test_a_circle_is_given_by_its_centre_and_its_rim(tmp_path):
    write_file(tmp_path, [shape("circle", [[20, 15], [26, 23]])])
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    distance = np.hypot(x - 20, y - 15)
    (mask,) = masks_of(tmp_path)
    assert mask[distance < 9.5].all() and not mask[distance > 10.5].any()  # the radius: hypot(6, 8)
    assert kinds(read_labelme(tmp_path).losses) == {"circles, now polygons": 1}


@pytest.mark.parametrize(("x", "y"), [(7, 4), (35, 26), (-3, -2)])
def test_a_mask_shape_lies_at_its_first_point(tmp_path, x, y):
    patch = np.zeros((6, 8), bool)
    patch[1:5, 2:7] = True
    file = io.BytesIO()
    Image.fromarray(patch).save(file, "PNG")
    encoded = base64.b64encode(file.getvalue()).decode()
    write_file(tmp_path, [shape("mask", [[x, y], [x + 7, y + 5]], mask=encoded)])
    expected = np.zeros((HEIGHT + 20, WIDTH + 20), bool)
    expected[10 + y : 16 + y, 10 + x : 18 + x] = patch
    (mask,) = masks_of(tmp_path)
    assert_array_equal(mask, expected[10:-10, 10:-10])


def test_shapes_of_x_anylabeling_are_read_or_counted(tmp_path):
    corners = [[5, 6], [15, 6], [15, 9], [5, 9]]
    fields = {"difficult": True, "score": None, "attributes": {"a": "b"}, "direction": 0.5, "kie_linking": []}
    shapes = [shape(kind, corners, **fields) for kind in ("rotation", "quadrilateral", "rectangle")]
    others = [shape("cuboid", corners * 2), shape("spiral"), shape(["odd"])]
    write_file(tmp_path, shapes + others, checked=True)
    data_set = read_labelme(tmp_path)
    assert [o[2].sum() for o in objects_of(data_set)["train/a.png"]] == [30, 30, 30]
    assert not data_set.losses.left_out
    unknown = {kind: count for kind, count in kinds(data_set.losses).items() if "not known" in kind}
    assert unknown == {f"`{kind}` shapes, which are not known": 1 for kind in ("cuboid", "spiral", "['odd']")}


def test_folders_of_splits_go_by_any_of_their_names(tmp_path):
    for folder in ("Train", "valid", "testing"):
        write_file(tmp_path / folder, [shape()])
    assert list(read_labelme(tmp_path).splits) == ["train", "val", "test"]
    write_file(tmp_path / "val", [shape()])
    with pytest.raises(ValueError, match="expected one val. Received two: 'val' and 'valid'"):
        read_labelme(tmp_path)


def test_points_and_lines_are_counted(tmp_path):
    write_file(tmp_path, [shape("point", [[1, 1]]), shape("linestrip", TRIANGLE), shape()])
    data_set = read_labelme(tmp_path)
    assert len(data_set.splits["train"][0].instances) == 1
    assert kinds(data_set.losses) == {"points and lines, which have no area": 2}


def test_numbers_in_another_form_are_understood(tmp_path):
    shapes = [shape(group_id=1), shape(group_id="1"), shape(group_id=1.0)]
    write_file(tmp_path, shapes, imageWidth=str(WIDTH), imageHeight=float(HEIGHT))
    data_set = read_labelme(tmp_path)
    assert [len(i.polygons) for i in data_set.splits["train"][0].instances] == [3]
    assert not data_set.losses.left_out


def test_an_image_inside_the_json_is_written_out(tmp_path):
    data = write_image(tmp_path / "source.png").read_bytes()
    write_file(tmp_path / "old", [shape()], imageData=base64.b64encode(data).decode())
    assert not (tmp_path / "old" / "a.png").exists()
    data_set = read_labelme(tmp_path / "old")
    (tmp_path / "new").mkdir()
    write_labelme(data_set, tmp_path / "new")
    assert (tmp_path / "new" / "train" / "a.png").read_bytes() == data
    assert_same_objects(read_labelme(tmp_path / "new"), data_set)


def test_paths_written_on_windows_are_understood(tmp_path):
    write_file(tmp_path / "json", [shape()], imagePath="..\\images\\b.png")
    write_image(tmp_path / "images" / "b.png")
    (picture,) = read_labelme(tmp_path).splits["train"]
    assert picture.name == "json/a.png" and picture.source.samefile(tmp_path / "images" / "b.png")


@pytest.mark.parametrize(
    ("image_path", "name"),
    [
        ("C:\\Users\\someone\\set\\a.png", "a"),
        ("/mnt/someone/set/a.png", "a"),
        ("..\\photos\\a.png", "a"),
        ("/mnt/someone/set/A.PNG", "a"),
        ("D:\\set\\IMG_0001.jpg", "a"),  # both were renamed since
        (None, "a"),
    ],
)
def test_a_path_of_another_machine_is_the_image_beside_the_json(tmp_path, image_path, name):
    write_file(tmp_path, [shape()], imagePath=image_path)
    write_file(tmp_path, [shape()], name="b")
    data_set = read_labelme(tmp_path)
    assert [picture.source for picture in data_set.splits["train"]] == [
        tmp_path / "a.png",
        tmp_path / "b.png",
    ]
    assert kinds(data_set.losses.accents) == {"`imagePath` of another machine": 1}
    assert not data_set.losses and not data_set.losses.left_out


def test_a_path_that_may_mean_two_images_is_refused(tmp_path):
    write_file(tmp_path, [shape()], imagePath="/mnt/someone/b.png")
    write_file(tmp_path, [shape()], name="b")
    noun, line = malformed(read_labelme(tmp_path))
    expected = "a.json: expected an `imagePath` that means one image. Received: '/mnt/someone/b.png', which "
    assert noun == "image" and line.endswith(f"{expected}may be 'b.png' or 'a.png'")


def test_an_image_inside_the_json_is_taken_before_one_is_guessed(tmp_path):
    data = write_image(tmp_path / "b.png").read_bytes()
    write_file(tmp_path, [shape()], imagePath="/x/c.png", imageData=base64.b64encode(data).decode())
    (picture,) = read_labelme(tmp_path).splits["train"]
    assert picture.source == data and picture.name == "a.png"


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    write_file(tmp_path, [shape()])
    file = tmp_path / "a.json"
    file.write_bytes(file.read_text().encode("utf-8-sig"))
    data_set = read_labelme(tmp_path)
    assert len(data_set.splits["train"]) == 1 and kinds(data_set.losses.accents) == {"byte order mark": 1}


def test_files_outside_the_splits_and_images_without_json_are_counted(tmp_path):
    write_file(tmp_path / "train", [shape()])
    write_file(tmp_path / "spare", [shape()])
    write_image(tmp_path / "train" / "b.png")
    write_file(tmp_path / "train" / ".ipynb_checkpoints", [shape()], name="a-checkpoint")
    data_set = read_labelme(tmp_path)
    losses = data_set.losses
    assert len(data_set.splits["train"]) == 1
    assert kinds(losses) == {"annotation files left out": 1, "images without a JSON": 2}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (shape(points=TRIANGLE[:2]), "expected a polygon of at least three points"),
        (shape(points=[[1, 2], [3, 4], [5]]), r"expected a list of \[x, y\]"),
        (shape(points=[[1, 2], [3, 4], [5, "x"]]), "expected polygon coordinates"),
        (shape(points=None), "expected a list"),
        (shape(group_id=[1]), "expected a whole number or null as `group_id`"),
        (shape(label=None), "expected a text as `label`"),
        (shape("rectangle"), "expected a rectangle of two points. Received: 3"),
        (shape("circle", [[1, 1], [5, None]]), "expected polygon coordinates"),
        (shape("mask", TRIANGLE[:2]), "expected a base64 PNG as `mask`"),
        (shape("mask", TRIANGLE[:2], mask="AAAA"), "expected a base64 PNG as `mask`"),
        ("cat", "expected a text as `label`"),
    ],
)
def test_a_malformed_shape_is_named_and_left_out(tmp_path, broken, message):
    write_file(tmp_path, [shape(), broken, shape()])
    data_set = read_labelme(tmp_path)
    assert len(data_set.splits["train"][0].instances) == 2
    noun, line = malformed(data_set)
    assert noun == "object" and re.search(rf"a.json: shape 2: .*{message}", line)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"imageWidth": 41}, "b.json: expected 41x30 pixels"),
        ({"imageWidth": 40.5}, "b.json: expected 40.5x30 pixels"),
        ({"imageData": "no base64!", "imagePath": "none.png"}, "b.json: expected base64 as `imageData`"),
        ({"imageData": "AAAA", "imagePath": "none.png"}, "b.json: expected an image as `imageData`"),
        ({"imagePath": "none.png"}, "none.png: no such image file"),
    ],
)
def test_a_malformed_file_and_a_missing_image_are_named_and_left_out(tmp_path, changes, message):
    write_file(tmp_path, [shape()])
    write_file(tmp_path, [shape()], name="b", **changes)
    data_set = read_labelme(tmp_path)
    assert [picture.name for picture in data_set.splits["train"]] == ["a.png"]
    noun, line = malformed(data_set)
    assert noun == "image" and message in line


def test_what_is_no_json_of_labelme_is_named_and_left_out(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected labelme's .json files"):
        read_labelme(tmp_path)
    write_file(tmp_path, [shape()])
    for text in ("{]", "[]", "{}", "[" * 100_000, "9" * 5000):
        (tmp_path / "b.json").write_text(text)
        noun, line = malformed(read_labelme(tmp_path))
        assert noun == "image" and "b.json: expected labelme's JSON" in line


@pytest.mark.parametrize("listed", [True, False])
def test_shapes_to_ignore_and_of_the_background_are_of_no_class(tmp_path, listed):
    """As in labelme's converters: `__ignore__` is -1 there, `_background_` 0, and the classes come after."""
    write_file(tmp_path, [shape(label="__ignore__"), shape(label="_background_"), shape()])
    if listed:
        (tmp_path / "labels.txt").write_text("__ignore__\n_background_\ncat\n")
    data_set = read_labelme(tmp_path)
    assert data_set.categories == {1: CATEGORIES[1]}
    assert [o[0] for o in objects_of(data_set)["train/a.png"]] == ["cat"]
    assert kinds(data_set.losses) == {
        "`__ignore__` shapes, which are of no class": 1,
        "`_background_` shapes, which are of no class": 1,
    }


def test_a_class_that_is_called_like_none_is_counted(tmp_path):
    categories = {1: Category("cat"), 2: Category("__ignore__")}
    *_, report = there_and_back(tmp_path, "labelme", [square(1, 1, 5, 5)], categories=categories)
    assert report.losses == {"classes of a name that means none": (1, "__ignore__")}
