"""Mask PNGs: ids, crowds, class folders, and files that do not fit together."""

import json

import numpy as np
import pytest
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
from yolact_tf.data.convert.data_set import Category
from yolact_tf.data.convert.masks import read_masks


def write_mask(file, values):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, "uint8")).save(file)


@pytest.mark.parametrize("mask", [ring(), apart()])
def test_holes_parts_crowds_ids_and_supercategories_survive(tmp_path, mask):
    categories = {3: Category("cat", "animal"), 90: Category("犬")}
    beside = np.zeros((HEIGHT, WIDTH), bool)
    beside[:, 0] = True
    objects = [instance(mask, 90, is_crowd=True), instance(beside, 3)]
    data_set, again, report = there_and_back(
        tmp_path, "masks", objects, categories=categories, name="sub/é 1.png"
    )
    assert_same_objects(again, data_set)
    assert again.categories == categories
    assert report.objects == {"train": 2} and not report.losses


def test_ids_go_beyond_a_byte(tmp_path):
    objects = [square(x, y, x + 1, y + 1, 1 + x % 2) for x in range(0, 40, 2) for y in range(0, 30, 2)]
    data_set, again, report = there_and_back(tmp_path, "masks", objects)
    assert len(objects) == 300
    assert_same_objects(again, data_set)
    assert kinds(report.losses) == {"polygons, now pixels": 300}


def test_an_empty_image_has_an_empty_mask(tmp_path):
    _, again, _ = there_and_back(tmp_path, "masks", [])
    assert objects_of(again) == {"train/a.png": []}


def test_overlaps_go_to_the_smaller_object(tmp_path):
    _, again, report = there_and_back(tmp_path, "masks", [square(2, 2, 6, 6), square(2, 2, 20, 20)])
    areas = [mask.sum() for *_, mask in objects_of(again)["train/a.png"]]
    assert areas == [16, 18 * 18 - 16]
    assert report.losses["objects covered in part by others"].count == 1


def test_a_folder_a_class_is_read_each_value_an_object(tmp_path):
    write_image(tmp_path / "images" / "train" / "a.png")
    write_image(tmp_path / "images" / "train" / "empty.png")
    values = np.zeros((HEIGHT, WIDTH))
    values[2:5, 2:5], values[10:12, 10:12] = 1, 2
    write_mask(tmp_path / "masks" / "train" / "cat" / "a.png", values)
    write_mask(tmp_path / "masks" / "train" / "dog" / "a.png", ring() * 255)
    write_mask(tmp_path / "masks" / "train" / "dog" / "b.png", ring() * 255)
    data_set = read_masks(tmp_path)
    found = {k: [(o[0], int(o[2].sum())) for o in v] for k, v in objects_of(data_set).items()}
    assert found == {
        "train/a.png": [("cat", 9), ("cat", 4), ("dog", int(ring().sum()))],
        "train/empty.png": [],
    }
    assert data_set.categories == CATEGORIES
    assert kinds(data_set.losses) == {"mask files without image": 1}


def test_a_smooth_class_mask_is_one_object(tmp_path):
    write_image(tmp_path / "images" / "train" / "a.png")
    sharp = np.zeros((HEIGHT * 8, WIDTH * 8), "uint8")
    y, x = np.mgrid[: HEIGHT * 8, : WIDTH * 8]
    sharp[np.hypot(y - 120, x - 150) < 80] = 255
    smooth = np.asarray(Image.fromarray(sharp).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    assert len(np.unique(smooth)) > 30
    write_mask(tmp_path / "masks" / "train" / "cat" / "a.png", smooth)
    data_set = read_masks(tmp_path)
    ((_, _, mask),) = objects_of(data_set)["train/a.png"]
    np.testing.assert_array_equal(mask, smooth >= 128)
    assert kinds(data_set.losses) == {"masks with smooth edges, now sharp": 1}


def test_a_class_mask_that_does_not_fit_leaves_its_image_out(tmp_path):
    for name in ("a", "b"):
        write_image(tmp_path / "images" / "train" / f"{name}.png")
        write_mask(tmp_path / "masks" / "train" / "cat" / f"{name}.png", ring())
        write_mask(tmp_path / "masks" / "train" / "dog" / f"{name}.png", ring())
    write_mask(tmp_path / "masks" / "train" / "cat" / "a.png", np.zeros((5, 6)))
    data_set = read_masks(tmp_path)
    assert list(objects_of(data_set)) == ["train/b.png"]
    noun, line = malformed(data_set)
    assert noun == "image" and "cat/a.png: expected 40x30 pixels" in line and not data_set.losses


def test_an_object_of_the_index_without_pixels_is_counted(tmp_path):
    entry = {"id": 7, "category_id": 1}
    data_set = changed(tmp_path, lambda content: content["images"][0]["objects"].append(entry))
    assert len(data_set.splits["train"][0].instances) == 2
    assert kinds(data_set.losses) == {"objects without pixels": 1}


def changed(tmp_path, change):
    """The DataSet of two objects in one image, whose instances.json `change` altered."""
    there_and_back(tmp_path, "masks", [square(1, 1, 5, 5), square(7, 7, 9, 9, 2)])
    index = tmp_path / "masks" / "instances.json"
    content = json.loads(index.read_text())
    change(content)
    index.write_text(json.dumps(content))
    return read_masks(tmp_path / "masks")


def test_numbers_in_another_form_are_understood(tmp_path):
    def change(content):
        content["categories"][1]["id"] = "2"
        content["images"][0]["objects"] = [
            {"id": "1", "category_id": 1.0},
            {"id": 2.0, "category_id": 2, "iscrowd": "0"},
        ]

    data_set = changed(tmp_path, change)
    assert [i.category_id for i in data_set.splits["train"][0].instances] == [1, 2]
    assert data_set.categories == CATEGORIES and not data_set.losses.left_out


def change_first(key, value):
    def change(content):
        content["images"][0][key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "instances.json: expected a list `images`"),
        (lambda c: c["categories"][0].pop("name"), "instances.json: categories 1: expected `name`"),
        (lambda c: c["categories"][0].update(name=None), "text as `name` of category 1. Received: None"),
        (lambda c: c["categories"][1].update(id="1"), "one name for category 1. Received: 'cat' and 'dog'"),
    ],
    ids=["no images", "no name", "a name that is no text", "two names"],
)
def test_an_index_that_is_none_is_refused_in_one_line(tmp_path, change, message):
    with pytest.raises(ValueError, match=message) as caught:
        changed(tmp_path, change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("split", "../dev", "instances.json: expected image names below"),
        ("split", ["train"], "instances.json: expected image names below"),
        ("file_name", "../a.png", "instances.json: expected image names below"),
        ("file_name", "b.png", "b.png: no such image file"),
        ("objects", None, "instances.json: image 'a.png': expected a list `objects`"),
    ],
)
def test_an_image_that_does_not_fit_is_named_and_left_out(tmp_path, key, value, message):
    data_set = changed(tmp_path, change_first(key, value))
    noun, line = malformed(data_set)
    assert noun == "image" and message in line and not data_set.splits


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"id": 1}, "object 1 of instances.json: expected `category_id`"),
        (
            {"id": 1, "category_id": 8},
            "object 1 of instances.json: expected a known `category_id`. Received: 8",
        ),
        ({"id": [1], "category_id": 1}, "expected a whole number as `id`. Received: [1]"),
        ({"id": 1, "category_id": 1, "iscrowd": "no"}, "expected 0 or 1 as `iscrowd`. Received: 'no'"),
        (None, "masks/train/a.png: expected ids that instances.json knows. Received: 1"),
    ],
)
def test_an_object_that_does_not_fit_is_named_and_left_out(tmp_path, broken, message):
    objects = [broken, {"id": 2, "category_id": 2}] if broken else [{"id": 2, "category_id": 2}]
    data_set = changed(tmp_path, change_first("objects", objects))
    assert [o[0] for o in objects_of(data_set)["train/a.png"]] == ["dog"]
    lines = data_set.losses.left_out.objects
    assert message in lines[0] and not data_set.losses.left_out.images


def test_masks_that_do_not_fit_are_named_and_left_out(tmp_path):
    there_and_back(tmp_path, "masks", [square(1, 1, 5, 5)])
    folder, file = tmp_path / "masks", tmp_path / "masks" / "masks" / "train" / "a.png"

    def line():
        noun, line = malformed(read_masks(folder))
        return noun == "image" and line

    write_mask(file, np.zeros((5, 6)))
    assert "masks/train/a.png: expected 40x30 pixels" in line()
    write_mask(file, np.zeros((HEIGHT, WIDTH, 3)))
    assert "a.png: expected a PNG of one channel. Received: 3 channels" in line()
    file.write_bytes(b"no image")
    assert "a.png: expected a mask PNG" in line()
    file.unlink()
    assert "a.png: no such mask file" in line()
    for text in ("{]", "[" * 100_000):
        (folder / "instances.json").write_text(text)
        with pytest.raises(ValueError, match=r"instances.json: expected JSON"):
            read_masks(folder)


def test_a_folder_with_neither_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected instances.json, or a folder masks/train/"):
        read_masks(tmp_path)
    (tmp_path / "masks" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match="or folders masks/train/CLASS/"):
        read_masks(tmp_path)
