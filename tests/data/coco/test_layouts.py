"""Layouts of data folders: those of common tools, found; several at once, refused; others, named."""

import json
from pathlib import Path

import pytest

from tests.coco_folder import rectangle, write_folder
from yolact_tf.data.coco.layouts import find_split, first_file_names, has_split, list_splits
from yolact_tf.data.coco.split import load_coco


def lay(folder, annotations, images=()):
    """Writes annotation files, {path: names of their images}, and empty files for images."""
    for path, names in annotations.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        content = {"images": [{"id": i, "file_name": name} for i, name in enumerate(names)]}
        (folder / path).write_text(json.dumps({"categories": [{"name": "file_name"}], **content}))
    for image in images:
        (folder / image).parent.mkdir(parents=True, exist_ok=True)
        (folder / image).touch()


def found(folder, split):
    """(annotation file, image folder) of a split, below the folder."""
    return tuple(path.relative_to(folder).as_posix() for path in find_split(folder, split))


# Tool -> (annotations, images, {split: (annotation file, image folder)}).
TOOLS = {
    "ours": (
        {"train.json": ["a.jpg"], "val.json": ["b.jpg"]},
        ["images/a.jpg", "images/b.jpg"],
        {"train": ("train.json", "images"), "val": ("val.json", "images")},
    ),
    "COCO 2017, with files of other tasks": (
        {
            "annotations/instances_train2017.json": ["a.jpg"],
            "annotations/instances_val2017.json": ["b.jpg"],
            "annotations/person_keypoints_train2017.json": ["a.jpg"],
            "annotations/captions_val2017.json": ["b.jpg"],
            "annotations/image_info_test-dev2017.json": ["c.jpg"],
        },
        ["train2017/a.jpg", "val2017/b.jpg"],
        {
            "train": ("annotations/instances_train2017.json", "train2017"),
            "val": ("annotations/instances_val2017.json", "val2017"),
        },
    ),
    "COCO 2014": (
        {
            "annotations/instances_train2014.json": ["COCO_train2014_1.jpg"],
            "annotations/instances_val2014.json": ["COCO_val2014_2.jpg"],
        },
        ["train2014/COCO_train2014_1.jpg", "val2014/COCO_val2014_2.jpg"],
        {
            "train": ("annotations/instances_train2014.json", "train2014"),
            "val2014": ("annotations/instances_val2014.json", "val2014"),
        },
    ),
    "the original's script: annotations of two years, images of one": (
        {
            "annotations/instances_train2014.json": ["COCO_train2014_1.jpg"],
            "annotations/instances_train2017.json": ["1.jpg"],
            "annotations/instances_val2014.json": ["COCO_val2014_2.jpg"],
            "annotations/instances_val2017.json": ["2.jpg"],
        },
        ["images/1.jpg", "images/2.jpg"],
        {
            "train": ("annotations/instances_train2017.json", "images"),
            "val": ("annotations/instances_val2017.json", "images"),
        },
    ),
    "Roboflow": (
        {
            "train/_annotations.coco.json": ["a.rf.1.jpg"],
            "valid/_annotations.coco.json": ["b.rf.2.jpg"],
            "test/_annotations.coco.json": ["c.rf.3.jpg"],
        },
        ["train/a.rf.1.jpg", "valid/b.rf.2.jpg", "test/c.rf.3.jpg", "README.roboflow.txt"],
        {
            "train": ("train/_annotations.coco.json", "train"),
            "val": ("valid/_annotations.coco.json", "valid"),
            "valid": ("valid/_annotations.coco.json", "valid"),
            "test": ("test/_annotations.coco.json", "test"),
        },
    ),
    "one folder of Roboflow's": (
        {"_annotations.coco.json": ["a.jpg"]},
        ["a.jpg"],
        {"train": ("_annotations.coco.json", ".")},
    ),
    "CVAT without subsets": (
        {"annotations/instances_default.json": ["a.jpg"]},
        ["images/default/a.jpg"],
        {"train": ("annotations/instances_default.json", "images/default")},
    ),
    "CVAT without subsets, its images by hand": (
        {"annotations/instances_default.json": ["sub/a.jpg"]},
        ["images/sub/a.jpg"],
        {"train": ("annotations/instances_default.json", "images")},
    ),
    "CVAT's subsets, with one that is not needed": (
        {
            "annotations/instances_Train.json": ["frame_0.PNG"],
            "annotations/instances_Validation.json": ["frame_0.PNG"],
            "annotations/instances_To do.json": ["frame_0.PNG"],
        },
        ["images/Train/frame_0.PNG", "images/Validation/frame_0.PNG", "images/To do/frame_0.PNG"],
        {
            "train": ("annotations/instances_Train.json", "images/Train"),
            "val": ("annotations/instances_Validation.json", "images/Validation"),
            "To do": ("annotations/instances_To do.json", "images/To do"),
        },
    ),
    "a subset of CVAT's alone": (
        {"annotations/instances_kitchen.json": ["a.jpg"]},
        ["images/kitchen/a.jpg"],
        {"train": ("annotations/instances_kitchen.json", "images/kitchen")},
    ),
    "Datumaro, with files of other tasks": (
        {
            "annotations/instances_train.json": ["a.jpg"],
            "annotations/instances_val.json": ["b.jpg"],
            "annotations/labels_train.json": ["a.jpg"],
        },
        ["images/train/a.jpg", "images/val/b.jpg"],
        {
            "train": ("annotations/instances_train.json", "images/train"),
            "val": ("annotations/instances_val.json", "images/val"),
        },
    ),
    "Label Studio": (
        {"result.json": ["images/1/a.jpg"]},
        ["images/1/a.jpg"],
        {"train": ("result.json", "images")},
    ),
    "Label Studio on Windows, unpacked by split": (
        {"train/result.json": [r"images\a.jpg"], "val/result.json": [r"images\b.jpg"]},
        ["train/images/a.jpg", "val/images/b.jpg"],
        {"train": ("train/result.json", "train/images"), "val": ("val/result.json", "val/images")},
    ),
    "Ultralytics' tree with COCO's annotations": (
        {
            "annotations/instances_train2017.json": ["a.jpg"],
            "annotations/instances_val2017.json": ["b.jpg"],
        },
        ["images/train2017/a.jpg", "images/val2017/b.jpg", "labels/train2017/a.txt"],
        {
            "train": ("annotations/instances_train2017.json", "images/train2017"),
            "val": ("annotations/instances_val2017.json", "images/val2017"),
        },
    ),
    "Ultralytics' tree with our annotations": (
        {"train.json": ["a.jpg"], "val.json": ["b.jpg"]},
        ["images/train/a.jpg", "images/val/b.jpg", "labels/train/a.txt", "data.yaml"],
        {"train": ("train.json", "images/train"), "val": ("val.json", "images/val")},
    ),
    "Ultralytics' other tree": (
        {"annotations/train.json": ["a.jpg"], "annotations/valid.json": ["b.jpg"]},
        ["train/images/a.jpg", "valid/images/b.jpg", "train/labels/a.txt"],
        {
            "train": ("annotations/train.json", "train/images"),
            "val": ("annotations/valid.json", "valid/images"),
        },
    ),
    "images that lie in folders by class and are called without": (
        {"train.json": ["a.jpg", "b.jpg"], "annotations/instances_val.json": ["c.jpg", "d.jpg"]},
        ["images/cats/a.jpg", "images/dogs/b.jpg", "cats/c.jpg", "dogs/d.jpg"],
        {"train": ("train.json", "images"), "val": ("annotations/instances_val.json", ".")},
    ),
    "COCO's archives, each unpacked for itself": (
        {
            "annotations_trainval2017/annotations/instances_train2017.json": ["a.jpg"],
            "annotations_trainval2017/annotations/captions_train2017.json": ["a.jpg"],
            "annotations_trainval2017/annotations/instances_val2017.json": ["b.jpg"],
        },
        ["train2017/a.jpg", "val2017/b.jpg"],
        {
            "train": ("annotations_trainval2017/annotations/instances_train2017.json", "train2017"),
            "val": ("annotations_trainval2017/annotations/instances_val2017.json", "val2017"),
        },
    ),
    "a folder a split, with a JSON of its name": (
        {"train/train.json": ["a.jpg"], "val/instances_val.json": ["b.jpg"]},
        ["train/a.jpg", "val/images/b.jpg"],
        {"train": ("train/train.json", "train"), "val": ("val/instances_val.json", "val/images")},
    ),
    "names that repeat two folders": (
        {"annotations/train.json": ["images/train/a.jpg"], "val.json": ["images/val/a.jpg"]},
        ["images/train/a.jpg", "images/val/a.jpg"],
        {"train": ("annotations/train.json", "images/train"), "val": ("val.json", "images")},
    ),
    "names of several words": (
        {"instancesTrain.json": ["a.jpg"], "set_VAL.json": ["b.jpg"], "testset.json": ["c.jpg"]},
        ["images/a.jpg", "images/b.jpg", "images/c.jpg"],
        {
            "train": ("instancesTrain.json", "images"),
            "val": ("set_VAL.json", "images"),
            "test": ("testset.json", "images"),
        },
    ),
    "iSAID, and any other name in a folder of a split": (
        {"train/instancesonly_filtered_train.json": ["a.jpg"], "val/annotations/all.json": ["b.jpg"]},
        ["train/images/a.jpg", "val/b.jpg"],
        {
            "train": ("train/instancesonly_filtered_train.json", "train/images"),
            "val": ("val/annotations/all.json", "val"),
        },
    ),
    "Cityscapes, and upper case": (
        {"Annotations/filtered_train.json": ["u/a.jpg"], "Annotations/filtered_val.json": ["u/b.jpg"]},
        ["leftImg8bit/train/u/a.jpg", "Images/val/u/b.jpg"],
        {
            "train": ("Annotations/filtered_train.json", "leftImg8bit/train"),
            "val": ("Annotations/filtered_val.json", "Images/val"),
        },
    ),
    "annotations where other tools have labels": (
        {"labels/train.json": ["a.jpg"], "labels/val.json": ["b.jpg"]},
        ["images/train/a.jpg", "images/val/b.jpg"],
        {"train": ("labels/train.json", "images/train"), "val": ("labels/val.json", "images/val")},
    ),
    "Supervisely": (
        {"annotations/instances.json": ["a.jpg"]},
        ["images/a.jpg"],
        {"train": ("annotations/instances.json", "images")},
    ),
    "labelme's own converter": (
        {"annotations.json": ["JPEGImages/a.jpg"]},
        ["JPEGImages/a.jpg", "Visualization/a.jpg", "class_names.txt"],
        {"train": ("annotations.json", ".")},
    ),
    "FiftyOne": (
        {"train/labels.json": ["a.jpg"], "validation/labels.json": ["b.jpg"], "info.json": []},
        ["train/data/a.jpg", "validation/data/b.jpg"],
        {
            "train": ("train/labels.json", "train/data"),
            "val": ("validation/labels.json", "validation/data"),
        },
    ),
    "TACO, whose images lie in batches": (
        {"annotations.json": ["batch_1/a.jpg"]},
        ["batch_1/a.jpg"],
        {"train": ("annotations.json", ".")},
    ),
    "VIA's file of any name, beside images in a folder of any name": (
        {"via_export_coco.json": ["a.jpg"], "package.json": []},
        ["photos/a.jpg", ".thumbnails/a.jpg"],
        {"train": ("via_export_coco.json", "photos")},
    ),
    "TrashCan": (
        {"instances_train_trashcan.json": ["a.jpg"], "instances_val_trashcan.json": ["b.jpg"]},
        ["train/a.jpg", "val/b.jpg"],
        {"train": ("instances_train_trashcan.json", "train"), "val": ("instances_val_trashcan.json", "val")},
    ),
    "a JSON that was renamed, beside the images of COCO": (
        {"annotations/train.json": ["a.jpg"], "val.json": ["b.jpg"]},
        ["train2017/a.jpg", "images/val2017/b.jpg"],
        {"train": ("annotations/train.json", "train2017"), "val": ("val.json", "images/val2017")},
    ),
    "a set that somebody split, with what it came from": (
        {"all.json": ["a.jpg", "b.jpg"], "train.json": ["a.jpg"], "val.json": ["b.jpg"]},
        ["images/a.jpg", "images/b.jpg"],
        {"train": ("train.json", "images"), "val": ("val.json", "images")},
    ),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_the_layouts_of_tools(tool, tmp_path):
    annotations, images, expected = TOOLS[tool]
    lay(tmp_path, annotations, images)
    assert {split: found(tmp_path, split) for split in expected} == expected
    assert has_split(tmp_path, "val") == ("val" in {*expected, *(s[:3] for s in expected)})
    assert not has_split(tmp_path, "other")


# Layouts that compete -> what is said of the split train.
CONTESTS = {
    "years of COCO": (
        {
            "annotations/instances_train2014.json": ["a.jpg"],
            "annotations/instances_train2017.json": ["b.jpg"],
        },
        ["train2014/a.jpg", "train2017/b.jpg"],
        "annotations/instances_train2014.json with train2014/, "
        "or annotations/instances_train2017.json with train2017/",
    ),
    "ours and Roboflow's": (
        {"train.json": ["a.jpg"], "train/_annotations.coco.json": ["a.jpg"]},
        ["images/a.jpg", "train/a.jpg"],
        "train.json with images/, or train/_annotations.coco.json with train/",
    ),
    "two sets beside each other": (
        {"cats.json": ["a.jpg"], "dogs.json": ["b.jpg"]},
        ["images/a.jpg", "images/b.jpg"],
        "cats.json with images/, or dogs.json with images/",
    ),
    "subsets that do not say which is to train on": (
        {"annotations/instances_garden.json": ["a.jpg"], "annotations/instances_kitchen.json": ["b.jpg"]},
        ["images/garden/a.jpg", "images/kitchen/b.jpg"],
        "annotations/instances_garden.json with images/garden/, "
        "or annotations/instances_kitchen.json with images/kitchen/",
    ),
    "images of the same names in two places": (
        {"annotations/instances_train.json": ["a.jpg"]},
        ["images/a.jpg", "train/a.jpg"],
        "annotations/instances_train.json with train/, or annotations/instances_train.json with images/",
    ),
}


@pytest.mark.parametrize("contest", CONTESTS)
def test_two_readings_are_refused_and_named(contest, tmp_path):
    annotations, images, readings = CONTESTS[contest]
    lay(tmp_path, annotations, images)
    with pytest.raises(ValueError) as caught:
        find_split(tmp_path, "train")
    assert str(caught.value) == f"{tmp_path}: expected one reading of train. Received two: {readings}"


def test_two_names_of_a_split_are_two_readings_unless_one_is_asked_for(tmp_path):
    lay(
        tmp_path, {"val/labels.json": ["a.jpg"], "valid/labels.json": ["b.jpg"]}, ["val/a.jpg", "valid/b.jpg"]
    )
    with pytest.raises(ValueError, match=r"expected one reading of val\. .*val/labels.json .*valid/labels"):
        find_split(tmp_path, "val")
    assert found(tmp_path, "valid") == ("valid/labels.json", "valid")


def test_a_link_to_images_is_no_second_place(tmp_path):
    lay(tmp_path, {"annotations/instances_train2014.json": ["a.jpg"]}, ["train2014/a.jpg"])
    (tmp_path / "images").symlink_to("train2014")
    assert found(tmp_path, "train")[1] == "train2014"


def test_the_documented_folder_of_images_comes_before_others(tmp_path):
    lay(tmp_path, {"train.json": ["a.jpg"]}, ["images/a.jpg", "images/train/a.jpg", "train/a.jpg"])
    assert found(tmp_path, "train") == ("train.json", "images")


def test_splits_are_listed_with_subsets_of_other_names(tmp_path):
    def add(subset):
        lay(tmp_path, {f"annotations/instances_{subset}.json": ["a.jpg"]}, [f"images/{subset}/a.jpg"])

    assert list_splits(tmp_path) == []
    add("garden")
    assert list_splits(tmp_path) == ["train"]
    add("kitchen")
    assert list_splits(tmp_path) == ["garden", "kitchen"]
    add("Test")
    add("Train")
    lay(tmp_path, {"annotations/instances_some of train.json": ["a.jpg"]})  # without images of its own
    assert list_splits(tmp_path) == ["train", "test", "garden", "kitchen"]


def test_files_that_name_no_images_are_no_annotations(tmp_path):
    lay(
        tmp_path, {"labels.json": [], "train-shards.json": [], "train/labels.json": [], "val.json": ["a.jpg"]}
    )
    assert not has_split(tmp_path, "train") and has_split(tmp_path, "val")


def test_a_folder_with_a_json_an_image_is_no_set_of_annotations(tmp_path):
    lay(tmp_path, {f"{number}.json": [f"{number}.jpg"] for number in range(40)}, ["39.jpg"])
    assert not has_split(tmp_path, "train")


# What is missing


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        find_split(tmp_path / "gone", "train")
    assert str(caught.value) == f"Data must be a folder. Received: '{tmp_path / 'gone'}', which is none"
    assert not has_split(tmp_path / "gone", "train")


def test_a_folder_without_annotations_says_what_was_looked_for_and_found(tmp_path):
    expected = f"{tmp_path}: expected train.json or annotations/instances_train2017.json, "
    expected += "or another tool's layout (docs/how-to/data.md; `yolact data convert` reads what is not COCO)"
    expected += ". Received: "
    with pytest.raises(FileNotFoundError) as caught:
        find_split(tmp_path, "train")
    assert str(caught.value) == expected + "an empty folder"
    (tmp_path / "val.json").touch()
    with pytest.raises(FileNotFoundError) as caught:
        find_split(tmp_path, "train")
    assert str(caught.value) == expected + "val.json"


def test_a_folder_with_one_more_around_it_is_pointed_to(tmp_path):
    lay(tmp_path, {"data/coco/train.json": ["a.jpg"]}, ["data/coco/images/a.jpg"])
    with pytest.raises(FileNotFoundError, match=rf"Received: coco; {tmp_path}/data/coco has it$"):
        find_split(tmp_path / "data", "train")


def test_a_folder_of_annotations_whose_images_lie_elsewhere_is_not_pointed_to(tmp_path):
    lay(tmp_path, {"json/train.json": ["a.jpg"]}, ["images/a.jpg"])
    with pytest.raises(FileNotFoundError, match=r"Received: images, json$"):
        find_split(tmp_path, "train")


def test_annotations_whose_images_are_gone_are_no_less_those(tmp_path):
    lay(tmp_path, {"result.json": ["images/a.jpg"]}, ["images/b.jpg"])
    assert found(tmp_path, "train") == ("result.json", "images")


def test_names_of_another_machine_are_known_by_their_ends_and_right_ones_anywhere(tmp_path):
    names = ["/gone/media/a.jpg", r"C:\Users\b.jpg", "../upload/c.jpg"]
    for name in names:
        lay(tmp_path / "ours", {"result.json": [name]}, ["images/a.jpg", "images/b.jpg", "images/c.jpg"])
        assert found(tmp_path / "ours", "train") == ("result.json", "images")
    lay(tmp_path / "other", {"dataset.json": [f"{tmp_path}/ours/images/a.jpg"]})
    assert found(tmp_path / "other", "train") == ("dataset.json", ".")


def test_a_set_without_validation_says_what_makes_one(tmp_path):
    lay(tmp_path, {"result.json": ["a.jpg"], "test/labels.json": ["b.jpg"]}, ["images/a.jpg", "test/b.jpg"])
    with pytest.raises(FileNotFoundError) as caught:
        find_split(tmp_path, "val")
    expected = f"{tmp_path}: expected a validation split, such as val.json. Received: train, test; "
    assert str(caught.value) == f"{expected}`yolact data split {tmp_path} OUT --val 0.2` makes one"


def test_a_missing_images_folder_is_named(tmp_path):
    lay(tmp_path, {"train.json": ["a.jpg"], "annotations/instances_val.json": ["a.jpg"]})
    for split in ("train", "val"):
        with pytest.raises(FileNotFoundError) as caught:
            find_split(tmp_path, split)
        file = next(path for path in tmp_path.rglob("*.json") if split in path.name)
        assert str(caught.value) == f"Expected the images of {file} in {tmp_path / 'images'}/"


def test_lost_images_are_missed_where_they_belong(tmp_path):
    lay(tmp_path, {"train.json": ["a.jpg"], "valid/_annotations.coco.json": ["a.jpg"]}, ["images/z.jpg"])
    assert found(tmp_path, "train") == ("train.json", "images")
    assert found(tmp_path, "val") == ("valid/_annotations.coco.json", "valid")


# Names of images


def test_first_file_names_reads_those_of_images_wherever_they_stand(tmp_path):
    file = tmp_path / "a.json"
    file.write_text(
        r'{"annotations": [{"file_name": "x"}], "images" : [{"file_name":"sub\\ü \" 1.jpg"}, {"file_name": 3}'
        r', {"file_name": "/abs.jpg"}, {"file_name": "../up.jpg"}, {"file_name": "b.jpg"}]}',
        encoding="utf-8-sig",
    )
    assert first_file_names(file) == ['sub/ü " 1.jpg', "/abs.jpg", "../up.jpg", "b.jpg"]
    file.write_text('{"images": [{"file_name": "é.jpg"}]}', encoding="utf-16")
    assert first_file_names(file) == ["é.jpg"]
    for text in ("", "[]", '{"images": []}', '{"file_name": "a"}', '"images": [{"file_name": "\\x"}]'):
        file.write_text(text)
        assert first_file_names(file) == []


def test_a_layout_is_read_like_the_documented_one_and_told_of(tmp_path, caplog):
    content = write_folder(tmp_path / "ours", {"a.png": (30, 40)}, [rectangle(1, 5, 5, 10, 10)])
    (tmp_path / "export" / "valid").mkdir(parents=True)
    (tmp_path / "export" / "valid" / "a.png").hardlink_to(tmp_path / "ours" / "images" / "a.png")
    (tmp_path / "export" / "valid" / "_annotations.coco.json").write_text(json.dumps(content))
    assert load_coco(tmp_path / "ours", "train") and not caplog.messages
    data = load_coco(tmp_path / "export", "val", "refuse")
    folder = tmp_path / "export" / "valid"
    assert caplog.messages == [f"{folder}/_annotations.coco.json: read as val, with the images in {folder}/"]
    assert data.num_objects == 1 and Path(data.records[0].path) == tmp_path / "export" / "valid" / "a.png"
