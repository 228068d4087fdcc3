"""COCO in and out: nothing is lost, in both layouts, and what is malformed is named."""

import json

import numpy as np
import pytest

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.convert.made import (
    CATEGORIES,
    HEIGHT,
    WIDTH,
    assert_same_objects,
    data_set_of,
    instance,
    kinds,
    malformed,
    ring,
    square,
)
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.convert.coco import read_coco, write_coco
from yolact_tf.data.convert.data_set import Category

TWO_PARTS = [[1, 1, 5, 1, 5, 5], [9.25, 9, 12, 9, 12, 12.5]]
PLAIN_RLE = {"size": [HEIGHT, WIDTH], "counts": [5, 50, HEIGHT * WIDTH - 55]}


def write_rich(folder):
    """A folder with one of everything that COCO can say; returns its content."""
    annotations = [
        {**rectangle(1, 5, 5, 10, 10), "id": 70, "area": 99.5, "score": 0.5},
        {**rectangle(1, 0, 0, 8, 8, category_id=9, is_crowd=1), "id": 12, "segmentation": PLAIN_RLE},
        {
            **rectangle(3, 1, 1, 4, 4),
            "id": 13,
            "segmentation": TWO_PARTS,
        },
    ]
    categories = [{"id": 9, "name": "子犬", "supercategory": "animal"}, {"id": 1, "name": "thing"}]
    names = {"sub/é 1.png": (HEIGHT, WIDTH), "empty.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}
    content = write_folder(folder, names, annotations, categories)
    content["images"][0]["license"] = 4
    content |= {"info": {"year": 2017}, "licenses": [{"id": 4}]}
    write_annotations(folder, content)
    return content


def test_reading_and_writing_keeps_every_word(tmp_path):
    content = write_rich(tmp_path / "old")
    (tmp_path / "new").mkdir()
    report = write_coco(read_coco(tmp_path / "old"), tmp_path / "new")
    written = json.loads((tmp_path / "new" / "train.json").read_text(encoding="utf-8"))
    assert written["images"] == content["images"]
    assert written["annotations"] == content["annotations"]
    assert written["categories"] == sorted(content["categories"], key=lambda c: c["id"])
    assert (written["info"], written["licenses"]) == (content["info"], content["licenses"])
    assert (tmp_path / "new" / "images" / "sub" / "é 1.png").is_file()
    assert report.images == {"train": 3} and report.objects == {"train": 3} and not report.losses


def test_the_official_layout_gives_the_same(tmp_path):
    write_rich(tmp_path / "ours")
    official = tmp_path / "official"
    (official / "annotations").mkdir(parents=True)
    (tmp_path / "ours" / "train.json").rename(official / "annotations" / "instances_train2017.json")
    (tmp_path / "ours" / "images").rename(official / "train2017")
    write_rich(tmp_path / "ours")
    assert_same_objects(read_coco(official), read_coco(tmp_path / "ours"))


def test_other_annotation_files_are_counted(tmp_path):
    content = write_rich(tmp_path)
    write_annotations(tmp_path, content, "train_permissive")
    losses = read_coco(tmp_path).losses
    assert losses == {"annotation files left out": (1, str(tmp_path / "train_permissive.json"))}


def test_what_comes_from_elsewhere_gets_ids_areas_and_boxes(tmp_path):
    objects = [square(5, 6, 15, 9), instance(ring(), 2)]
    write_coco(data_set_of(tmp_path / "a", objects), tmp_path)
    first, second = json.loads((tmp_path / "train.json").read_text())["annotations"]
    assert (first["id"], first["image_id"], first["area"], first["bbox"]) == (1, 1, 30, [5, 6, 10, 3])
    assert first["segmentation"] == [[5, 6, 15, 6, 15, 9, 5, 9]]
    assert (second["id"], second["category_id"], second["area"]) == (2, 2, int(ring().sum()))
    assert second["bbox"] == [2, 2, WIDTH - 4, HEIGHT - 4]
    records = load_coco(tmp_path, "train", "refuse").records
    assert len(records[0].runs) == 2


def test_an_object_without_area_is_left_out(tmp_path):
    nothing = instance(np.zeros((HEIGHT, WIDTH), bool))
    report = write_coco(data_set_of(tmp_path / "a", [nothing, square(1, 1, 3, 3)]), tmp_path)
    assert report.objects == {"train": 1} and kinds(report.losses) == {"objects without area": 1}


def test_same_names_in_two_splits_are_kept_apart(tmp_path):
    write_folder(tmp_path / "old", {"a.png": (HEIGHT, WIDTH)}, splits=("train", "val"))
    (tmp_path / "new").mkdir()
    report = write_coco(read_coco(tmp_path / "old"), tmp_path / "new")
    again = read_coco(tmp_path / "new")
    assert [again.splits[s][0].name for s in ("train", "val")] == ["train/a.png", "val/a.png"]
    assert kinds(report.losses) == {"image names, now below a folder of their split": 2}


def test_categories_of_the_splits_must_agree(tmp_path):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, splits=("train", "val"))
    content["categories"] = [{"id": 1, "name": "other"}, {"id": 2, "name": "more"}]
    write_annotations(tmp_path, content, "val")
    with pytest.raises(ValueError, match=r"val.json: expected category 1 to be 'thing'.*'other'"):
        read_coco(tmp_path)
    content["categories"][0]["name"] = "thing"
    write_annotations(tmp_path, content, "val")
    assert read_coco(tmp_path).categories == {1: Category("thing"), 2: Category("more")}


@pytest.mark.parametrize(
    "changes",
    [
        {"segmentation": [[1, 2, 3, 4]]},
        {"segmentation": [], "bbox": None},
        {"segmentation": [None]},
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": [3]}},
        {"bbox": [1, 2, 3]},
        {"bbox": "1234"},
        {"iscrowd": "no"},
        {"bbox": [1, 2, 0, 4]},
        {"image_id": 7},
        {"image_id": [1]},
        {"category_id": 7},
        {"category_id": None},
        {"bbox": [1, 2, 3, float("nan")]},
    ],
)
def test_a_malformed_annotation_is_named_and_left_out(tmp_path, changes):
    broken, sound = {**rectangle(1, 5, 5, 9, 9), "id": 31, **changes}, {**rectangle(1, 5, 5, 9, 9), "id": 2}
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [broken, sound])
    data_set = read_coco(tmp_path)
    assert [i.instance_id for i in data_set.splits["train"][0].instances] == [2]
    noun, line = malformed(data_set)
    assert noun == "object" and "train.json: annotation 31: expected " in line


def test_numbers_in_another_form_are_understood(tmp_path):
    row = {**rectangle("1", 5, 5, 9, 9), "category_id": 1.0, "iscrowd": "0"}
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [row])
    content["images"][0]["id"] = 1.0
    write_annotations(tmp_path, content)
    content["annotations"].append({**row, "id": 2, "segmentation": {**PLAIN_RLE, "size": [30.0, "40"]}})
    write_annotations(tmp_path, content)
    data_set = read_coco(tmp_path)
    found, other = data_set.splits["train"][0].instances
    assert (found.category_id, found.is_crowd) == (1, False) and not data_set.losses.left_out
    assert other.rle == PLAIN_RLE


def test_only_the_part_of_an_object_that_is_no_outline_is_left_out(tmp_path):
    parts = [TWO_PARTS[0], [1, 2, 3, 4]]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [{**rectangle(1, 5, 5, 9, 9), "segmentation": parts}])
    data_set = read_coco(tmp_path)
    assert len(data_set.splits["train"][0].instances[0].polygons) == 1
    assert kinds(data_set.losses) == {"parts of objects that are no outline": 1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"id": [2]},
            "train.json: image [2]: expected a whole number from 0, or text",
        ),
        ({"width": 41}, "b.png: expected 41x30 pixels"),
        ({"file_name": "../train.json"}, "train.json: expected image names below"),
        ({"file_name": "c.png"}, "c.png: no such image file"),
    ],
)
def test_a_malformed_image_is_named_and_left_out(tmp_path, changes, message):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)})
    content["images"][1] |= changes
    write_annotations(tmp_path, content)
    data_set = read_coco(tmp_path)
    assert [picture.name for picture in data_set.splits["train"]] == ["a.png"]
    noun, line = malformed(data_set)
    assert noun == "image" and message in line


def test_images_that_share_an_id_are_named_and_left_out(tmp_path):
    names = dict.fromkeys(("a.png", "b.png", "c.png"), (HEIGHT, WIDTH))
    content = write_folder(tmp_path, names, [rectangle(1, 5, 5, 9, 9), rectangle(3, 5, 5, 9, 9)])
    content["images"][1]["id"] = "1"
    write_annotations(tmp_path, content)
    data_set = read_coco(tmp_path)
    assert [picture.name for picture in data_set.splits["train"]] == ["c.png"]
    lines = data_set.losses.left_out.images
    expected = "train.json: image 1: expected ids to be unique. Received: that of"
    assert all(f"{expected} '{name}'" in line for name, line in zip(("a.png", "b.png"), lines, strict=True))


def test_malformed_json_and_none_are_refused(tmp_path):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)})
    content["categories"][0]["id"] = [1]
    write_annotations(tmp_path, content)
    with pytest.raises(ValueError, match="train.json: expected whole numbers as ids of `categories`"):
        read_coco(tmp_path)
    (tmp_path / "train.json").write_text("{]")
    with pytest.raises(ValueError, match=r"train.json: expected COCO JSON"):
        read_coco(tmp_path)
    (tmp_path / "train.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected train.json or annotations/"):
        read_coco(tmp_path)


def test_a_split_without_images_stays_one(tmp_path):
    (tmp_path / "images").mkdir()
    write_annotations(tmp_path, {"images": [], "annotations": [], "categories": [{"id": 1, "name": "cat"}]})
    data_set = read_coco(tmp_path)
    assert data_set.splits == {"train": ()} and data_set.categories == {1: CATEGORIES[1]}
