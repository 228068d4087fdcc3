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
    data_set_of,
    instance,
    kinds,
    objects_of,
    ring,
    square,
    write_image,
)
from yolact_tf.data.convert.data_set import Category
from yolact_tf.data.convert.masks import read_masks, write_masks


def there_and_back(tmp_path, objects, **options):
    data_set = data_set_of(tmp_path / "source", objects, **options)
    (tmp_path / "masks").mkdir()
    report = write_masks(data_set, tmp_path / "masks")
    return data_set, read_masks(tmp_path / "masks"), report


def write_mask(file, values):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, "uint8")).save(file)


@pytest.mark.parametrize("mask", [ring(), apart()])
def test_holes_parts_crowds_ids_and_supercategories_survive(tmp_path, mask):
    categories = {3: Category("cat", "animal"), 90: Category("犬")}
    beside = np.zeros((HEIGHT, WIDTH), bool)
    beside[:, 0] = True
    objects = [instance(mask, 90, is_crowd=True), instance(beside, 3)]
    data_set, again, report = there_and_back(tmp_path, objects, categories=categories, name="sub/é 1.png")
    assert_same_objects(again, data_set)
    assert again.categories == categories
    assert report.objects == {"train": 2} and not report.losses


def test_ids_go_beyond_a_byte(tmp_path):
    objects = [square(x, y, x + 1, y + 1, 1 + x % 2) for x in range(0, 40, 2) for y in range(0, 30, 2)]
    data_set, again, report = there_and_back(tmp_path, objects)
    assert len(objects) == 300
    assert_same_objects(again, data_set)
    assert kinds(report.losses) == {"polygons, now pixels": 300}


def test_an_empty_image_has_an_empty_mask(tmp_path):
    _, again, _ = there_and_back(tmp_path, [])
    assert objects_of(again) == {"train/a.png": []}


def test_overlaps_go_to_the_smaller_object(tmp_path):
    _, again, report = there_and_back(tmp_path, [square(2, 2, 6, 6), square(2, 2, 20, 20)])
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


def test_an_object_of_the_index_without_pixels_is_counted(tmp_path):
    there_and_back(tmp_path, [square(1, 1, 5, 5)])
    index = tmp_path / "masks" / "instances.json"
    content = json.loads(index.read_text())
    content["images"][0]["objects"].append({"id": 7, "category_id": 1})
    index.write_text(json.dumps(content))
    data_set = read_masks(tmp_path / "masks")
    assert len(data_set.splits["train"][0].instances) == 1
    assert kinds(data_set.losses) == {"objects without pixels": 1}


def change_first(key, value):
    def change(content):
        content["images"][0][key] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("images"), "instances.json: expected a list `images`"),
        (lambda c: c["categories"][0].pop("name"), "instances.json: categories 1: expected `name`"),
        (change_first("split", "dev"), "instances.json: image 'a.png': expected a split of"),
        (change_first("file_name", "../a.png"), "instances.json: expected image names below"),
        (change_first("file_name", "b.png"), "b.png: no such image file"),
        (change_first("objects", [{"id": 1}]), "instances.json: image 'a.png': expected `category_id`"),
        (
            change_first("objects", [{"id": 1, "category_id": 8}]),
            "expected a known `category_id`. Received: 8",
        ),
        (
            change_first("objects", [{"id": [1], "category_id": 1}]),
            "a whole number as `id`. Received: \\[1\\]",
        ),
        (change_first("split", ["train"]), "instances.json: image 'a.png': expected a split of"),
        (change_first("objects", []), r"a.png: expected ids that instances.json knows. Received: 1"),
    ],
)
def test_an_index_that_does_not_fit_is_refused_in_one_line(tmp_path, change, message):
    there_and_back(tmp_path, [square(1, 1, 5, 5)])
    index = tmp_path / "masks" / "instances.json"
    content = json.loads(index.read_text())
    change(content)
    index.write_text(json.dumps(content))
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read_masks(tmp_path / "masks")
    assert "\n" not in str(caught.value)


def test_masks_that_do_not_fit_are_refused(tmp_path):
    there_and_back(tmp_path, [square(1, 1, 5, 5)])
    folder, file = tmp_path / "masks", tmp_path / "masks" / "masks" / "train" / "a.png"
    write_mask(file, np.zeros((5, 6)))
    with pytest.raises(ValueError, match=r"masks/train/a.png: expected 40x30 pixels.*Received: 6x5"):
        read_masks(folder)
    write_mask(file, np.zeros((HEIGHT, WIDTH, 3)))
    with pytest.raises(ValueError, match=r"a.png: expected a PNG of one channel. Received: 3 channels"):
        read_masks(folder)
    file.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"a.png: expected a mask PNG"):
        read_masks(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"a.png: no such mask file"):
        read_masks(folder)
    (folder / "instances.json").write_text("{]")
    with pytest.raises(ValueError, match=r"instances.json: expected JSON"):
        read_masks(folder)


def test_a_folder_with_neither_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected instances.json, or a folder masks/train/"):
        read_masks(tmp_path)
    (tmp_path / "masks" / "train").mkdir(parents=True)
    with pytest.raises(ValueError, match="or folders masks/train/CLASS/"):
        read_masks(tmp_path)
