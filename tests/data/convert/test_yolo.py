"""YOLO segmentation: exact masks through one outline a row, the shapes of data.yaml, bad rows."""

import re

import numpy as np
import pytest

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
from yolact_tf.data.convert.yolo import read_yolo

ROW = "1 0.1 0.1 0.5 0.1 0.5 0.6\n"


def write_folder(folder, rows=ROW, yaml="train: images/train\nnames: [cat, dog]\n"):
    """A data set of one image, images/train/a.png."""
    write_image(folder / "images" / "train" / "a.png")
    labels = folder / "labels" / "train" / "a.txt"
    labels.parent.mkdir(parents=True, exist_ok=True)
    labels.write_text(rows, encoding="utf-8")
    (folder / "data.yaml").write_text(yaml, encoding="utf-8")
    return folder


def test_polygons_come_back_to_the_last_digit(tmp_path):
    polygon = np.array([[3.21, 4.7], [17.03, 5.55], [39.99, 29.01], [0, 30]])
    _, again, report = there_and_back(tmp_path, "yolo", [Instance(2, polygons=(polygon,))])
    (received,) = again.splits["train"][0].instances
    np.testing.assert_array_equal(received.polygons[0], polygon)
    assert received.category_id == 2 and report.objects == {"train": 1} and not report.losses


@pytest.mark.parametrize("mask", [ring(), apart()])
def test_holes_and_parts_survive_as_seams(tmp_path, mask):
    data_set, again, report = there_and_back(tmp_path, "yolo", [instance(mask)])
    assert_same_objects(again, data_set)
    assert kinds(report.losses) == {"objects of several outlines, now tied by seams": 1}


def test_outlines_that_overlap_are_drawn_along_pixels(tmp_path):
    both = Instance(1, polygons=square(2, 2, 12, 12).polygons + square(8, 8, 20, 20).polygons)
    data_set, again, report = there_and_back(tmp_path, "yolo", [both])
    assert_same_objects(again, data_set)
    assert report.losses["outlines that overlap, now drawn along pixels"].count == 1


def test_what_reaches_over_the_border_is_drawn_along_pixels(tmp_path):
    data_set, again, report = there_and_back(tmp_path, "yolo", [square(-5, 3, 50, 9)])
    assert_same_objects(again, data_set)
    assert kinds(report.losses) == {"polygons over the image's border, now drawn along pixels": 1}


def test_crowds_and_objects_without_pixels_are_left_out(tmp_path):
    nothing = instance(np.zeros((HEIGHT, WIDTH), bool))
    _, again, report = there_and_back(
        tmp_path, "yolo", [square(1, 1, 9, 9, is_crowd=True), nothing, square(50, 1, 60, 9)]
    )
    assert again.splits["train"][0].instances == ()
    assert report.objects == {"train": 0}
    assert report.losses["crowd regions left out"].count == 1
    assert report.losses["objects without pixels"].count == 2


def test_nested_names_any_script_and_words_of_yaml_survive(tmp_path):
    categories = {1: Category("no"), 2: Category('犬: "grand"')}
    options = {"name": "sub/é 1.png", "split": "val", "categories": categories}
    data_set, again, _ = there_and_back(tmp_path, "yolo", [square(1, 1, 9, 9, category_id=2)], **options)
    assert_same_objects(again, data_set)
    assert again.categories == categories
    assert (tmp_path / "yolo" / "labels" / "val" / "sub" / "é 1.txt").is_file()


def test_an_empty_label_file_and_none_mean_no_objects(tmp_path):
    write_folder(tmp_path, "\n")
    assert objects_of(read_yolo(tmp_path)) == {"train/a.png": []}
    (tmp_path / "labels" / "train" / "a.txt").unlink()
    assert objects_of(read_yolo(tmp_path)) == {"train/a.png": []}


@pytest.mark.parametrize(
    "yaml",
    [
        "path: .\ntrain: images/train\nval:\nnames:\n  0: cat\n  1: dog\n",
        "path: /elsewhere/data\ntrain: [images/train]\nnc: 2\nnames: ['cat', 'dog']\n",
        "train: ../images/train\nnames: [cat, dog]\n",
        "train: train.txt\nnames: [cat, dog]\n",
        "train: images/train\nval: ../valid/images\ntest: test.txt\nnames: [cat, dog]\n",
    ],
)
def test_the_dialects_of_data_yaml(tmp_path, yaml):
    write_folder(tmp_path / "data", yaml=yaml)
    (tmp_path / "data" / "train.txt").write_text("./images/train/a.png\n\n")
    data_set = read_yolo(tmp_path / "data")
    assert data_set.categories == CATEGORIES
    ((name, objects),) = objects_of(data_set).items()
    assert name.endswith("a.png") and [o[0] for o in objects] == ["dog"]


def test_points_of_a_pose_are_no_polygon(tmp_path):
    yaml = "train: images/train\nkpt_shape: [2, {}]\nnames: [cat, dog]\n"
    for size, points in ((2, "0.1 0.2 0.9 0.3"), (3, "0.1 0.2 2 0.9 0.3 1")):
        write_folder(tmp_path, f"0 0.5 0.5 0.2 0.2 {points}\n", yaml.format(size))
        data_set = read_yolo(tmp_path)
        (received,) = data_set.splits["train"][0].instances
        assert received.is_box and received.polygons[0].min(0).tolist() == [16, 12]
        assert kinds(data_set.losses) == {"keypoints": 1} and not data_set.losses.left_out


def test_hidden_copies_are_no_images(tmp_path):
    write_folder(tmp_path)
    for name in (".ipynb_checkpoints/a-checkpoint.png", "._a.png"):
        write_image(tmp_path / "images" / "train" / name)
    assert [picture.name for picture in read_yolo(tmp_path).splits["train"]] == ["a.png"]


def test_labels_may_lie_beside_the_images(tmp_path):
    labels = write_folder(tmp_path) / "labels" / "train" / "a.txt"
    labels.rename(tmp_path / "images" / "train" / "a.txt")
    assert [o[0] for o in objects_of(read_yolo(tmp_path))["train/a.png"]] == ["dog"]
    labels.write_text("")
    assert objects_of(read_yolo(tmp_path)) == {"train/a.png": []}


def test_splits_that_are_listed_and_not_there_are_counted(tmp_path):
    yaml = "train: images/train\nvalid: [valid/images]\ntest: ../test/images\nnames: [cat, dog]\nnc: 2\n"
    losses = read_yolo(write_folder(tmp_path, yaml=yaml)).losses
    gone = {"splits that are listed and not there": (2, f"val: {tmp_path / 'valid/images'}")}
    assert losses == gone
    for yaml in ("train: gone\nval: images/train\nnames: [a, b]\n", "validation: gone\nnames: [a, b]\n"):
        with pytest.raises(FileNotFoundError, match="gone: expected a folder of images"):
            read_yolo(write_folder(tmp_path, yaml=yaml))


def test_two_names_of_a_split_are_refused(tmp_path):
    yaml = "train: images/train\nval: a\nvalid: b\nnames: [a, b]\n"
    with pytest.raises(ValueError, match=r"data.yaml: expected one val. Received two: 'val' and 'valid'"):
        read_yolo(write_folder(tmp_path, yaml=yaml))


@pytest.mark.parametrize(
    "yaml",
    [
        "train: images\\train\nnames: [cat, dog]\n",
        "train: C:\\Users\\someone\\set\\images\\train\nnames: [cat, dog]\n",
        "train: /content/drive/set/images/train\nnames: [cat, dog]\n",
        "train: train.txt\nnames: [cat, dog]\n",
    ],
)
def test_paths_of_other_machines_in_files_with_byte_order_marks(tmp_path, yaml):
    write_folder(tmp_path, yaml=yaml)
    (tmp_path / "train.txt").write_text("C:\\Users\\someone\\set\\images\\train\\a.png\n", "utf-8-sig")
    for file in ("data.yaml", "labels/train/a.txt"):
        (tmp_path / file).write_text((tmp_path / file).read_text(), "utf-8-sig")
    data_set = read_yolo(tmp_path)
    assert data_set.categories == CATEGORIES and not data_set.losses.left_out
    ((name, objects),) = objects_of(data_set).items()
    assert name == "train/train/a.png" if "txt" in yaml else name == "train/a.png"
    assert [o[0] for o in objects] == ["dog"]


def test_label_files_without_image_are_counted(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "labels" / "train" / "b.txt").write_text(ROW)
    assert kinds(read_yolo(tmp_path).losses) == {"label files without image": 1}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("0 0.5 0.5 0.2", "expected a class and a box, or three or more points. Received: 4 numbers"),
        ("0 0.5 0.5 0.2 0", "expected a box of positive width and height. Received: 0.2 x 0"),
        ("0 0.1 0.1 0.5 0.1 0.5 0.6 0.7", "Received: 8 numbers"),
        ("2 0.1 0.1 0.5 0.1 0.5 0.6", "expected a class from 0 to 1. Received: 2"),
        ("nan 0.1 0.1 0.5 0.1 0.5 0.6", "expected a class from 0 to 1. Received: nan"),
        ("cat 0.1 0.1 0.5 0.1 0.5 0.6", "expected numbers. Received: 'cat'"),
        ("0 4 3 20 3 20 18", "expected coordinates from 0 to 1. Received: 3 to 20"),
        ("0 0.1 0.1 nan 0.1 0.5 0.6", "expected coordinates from 0 to 1"),
    ],
)
def test_a_malformed_row_is_named_and_left_out(tmp_path, row, message):
    write_folder(tmp_path, f"{ROW}\n{row}\n{ROW}")
    data_set = read_yolo(tmp_path)
    assert len(data_set.splits["train"][0].instances) == 2
    noun, line = malformed(data_set)
    assert noun == "object" and re.search(rf"labels/train/a.txt: row 3: .*{message}", line)


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("train: [images/train\nnames: [cat]", "data.yaml: expected YAML. Received: while parsing"),
        ("[" * 100_000, "data.yaml: expected YAML. Received: maximum recursion"),
        ("- cat", "data.yaml: expected a mapping"),
        ("train: images/train", "data.yaml: expected a list or mapping of class names"),
        ("train: images/train\nnames: {0: cat, 2: dog}", "data.yaml: expected `names` for 0 to 1"),
        ("names: [cat, dog]", "data.yaml: expected one of train, val, test. Received: names"),
        ("train: {a: b}\nnames: [cat, dog]", "data.yaml: expected a folder of images, or a list"),
        ("train: nowhere\nnames: [cat, dog]", "nowhere: expected a folder of images"),
        ("train: nowhere.txt\nnames: [cat, dog]", "nowhere.txt: expected a list of images"),
    ],
)
def test_a_malformed_data_yaml_is_named_in_one_line(tmp_path, yaml, message):
    write_folder(tmp_path, yaml=yaml)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        read_yolo(tmp_path)
    assert "\n" not in str(caught.value)


def test_without_data_yaml_one_other_is_read(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "data.yaml").rename(tmp_path / "pets.yml")
    assert len(read_yolo(tmp_path).splits["train"]) == 1
    (tmp_path / "pets.yml").unlink()
    with pytest.raises(FileNotFoundError, match="expected data.yaml or one other .yaml file. Received: none"):
        read_yolo(tmp_path)


def test_a_broken_image_is_named_and_left_out(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "images" / "train" / "b.png").write_bytes(b"no image")
    data_set = read_yolo(tmp_path)
    assert [picture.name for picture in data_set.splits["train"]] == ["a.png"]
    noun, line = malformed(data_set)
    assert noun == "image" and "b.png: expected an image" in line
