"""Dividing a data folder: all of it is there once, what belongs together on one side; or nothing is."""

import json
import re
import shutil

import numpy as np
import pytest

from tests.coco_folder import rectangle, write_annotations, write_folder
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.inspect.check import check
from yolact_tf.data.partition import Wishes, divide

CATEGORIES = ({"id": 3, "name": "cat"}, {"id": 90, "name": "dog"})
NUM_IMAGES = 20


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (40, 60, 3)).astype("uint8")


@pytest.fixture
def data(tmp_path):
    """A folder that is all training: 20 pictures, of which 3 and 8, and 5 and 6, are the same."""
    twins = {8: 3, 6: 5}
    pictures = {f"scene{i % 7}/{i:02}.png": noise(twins.get(i, i)) for i in range(NUM_IMAGES)}
    objects = [
        rectangle(i + 1, 5, 5 + j, 10, 10, (3, 90)[(i + j) % 4 == 0])
        for i in range(18)
        for j in range(i % 3 + 1)
    ]
    objects.append(rectangle(1, 1, 1, 30, 30, 3, is_crowd=1))
    content = write_folder(tmp_path / "data", pictures, objects, CATEGORIES)
    content["info"] = {"year": 2026}
    content["images"][4]["license"] = 7
    write_annotations(tmp_path / "data", content)
    return tmp_path / "data"


def contents(out):
    """split -> content of its annotation file."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(out.glob("*.json"))}


def names(content):
    return [image["file_name"] for image in content["images"]]


def test_all_that_was_there_is_there_once(data, tmp_path):
    division = divide(data, tmp_path / "out", Wishes(val=0.3, test=0.2))
    (before,), after = contents(data).values(), contents(tmp_path / "out")
    assert list(after) == ["test", "train", "val"]
    for key, identity in (("images", "file_name"), ("annotations", "id")):
        joined = sorted((e for content in after.values() for e in content[key]), key=lambda e: e[identity])
        assert joined == sorted(before[key], key=lambda e: e[identity])
    for split, content in after.items():
        assert (content["info"], content["categories"]) == (before["info"], before["categories"])
        ids = {image["id"] for image in content["images"]}
        assert {a["image_id"] for a in content["annotations"]} <= ids
        assert division.images[split] == len(ids) == load_coco(tmp_path / "out", split, "refuse").num_images
        for name in names(content):
            assert (tmp_path / "out" / "images" / name).samefile(data / "images" / name)
    assert division.images == {"train": 10, "val": 6, "test": 4}
    objects = sum((sum(of_split.values()) for of_split in division.objects.values()), 0)
    assert objects == len(before["annotations"]) - 1  # all but the crowd


def test_classes_are_shared_out_like_images(data, tmp_path):
    division = divide(data, tmp_path / "out")
    assert division.images == {"train": 16, "val": 4}
    for name in ("cat", "dog"):
        total = sum(objects[name] for objects in division.objects.values())
        assert division.objects["val"][name] == pytest.approx(0.2 * total, abs=1)


@pytest.mark.parametrize("seed", range(3))
def test_what_belongs_together_stays_on_one_side(data, tmp_path, seed):
    wishes = Wishes(val=0.4, seed=seed, group_by=r"scene(\d)/")
    division = divide(data, tmp_path / "out", wishes)
    train, val = (set(names(content)) for content in contents(tmp_path / "out").values())
    assert train and val and not {n.split("/")[0] for n in train} & {n.split("/")[0] for n in val}
    for one, other in (("scene3/03.png", "scene1/08.png"), ("scene5/05.png", "scene6/06.png")):
        assert (one in train) == (other in train)
    # The twins tie scenes 1 and 3, and 5 and 6.
    assert (division.num_together, division.num_groups) == (NUM_IMAGES, 5)


def test_copies_stay_together_without_being_told(data, tmp_path):
    division = divide(data, tmp_path / "out", Wishes(val=0.5))
    assert (division.num_together, division.num_groups) == (4, 2)
    assert not [p for p in check(tmp_path / "out") if p.kind == "image in both splits"]


def test_seeds_decide(data, tmp_path):
    for name, seed in (("first", 0), ("again", 0), ("other", 1)):
        divide(data, tmp_path / name, Wishes(seed=seed))
    first, again, other = (contents(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again and first != other


def test_splits_that_are_there_come_along_as_they_are(data, tmp_path):
    export = tmp_path / "export"
    for split, name in (("train", "train"), ("test", "test"), ("to do", "annotations")):
        shutil.copytree(data / "images", export / split)
        file = "instances_to do.json" if split == "to do" else "_annotations.coco.json"
        (export / name).mkdir(exist_ok=True)
        shutil.copy(data / "train.json", export / name / file)
    division = divide(export, tmp_path / "out")
    assert division.images == {"train": 16, "val": 4, "test": NUM_IMAGES, "to do": NUM_IMAGES}
    after = contents(tmp_path / "out")
    # The names of all are the same, so that each split has a folder of its own.
    assert {name.split("/")[0] for name in names(after["val"])} == {"val"}
    assert (tmp_path / "out" / "images" / names(after["val"])[0]).samefile(
        export / "train" / names(after["val"])[0].removeprefix("val/")
    )
    assert after["test"]["annotations"] == contents(data)["train"]["annotations"]


def test_missing_images_are_named_and_left_out(data, tmp_path):
    (data / "images" / "scene0" / "07.png").unlink()
    content = contents(data)["train"]
    content["images"].append({**content["images"][0], "id": -0.5})
    write_annotations(data, content)
    steps = []
    division = divide(data, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert division.missing == (f"{data}/images/scene0/07.png", f"{data}/train.json: image -0.5")
    assert sum(division.images.values()) == NUM_IMAGES - 1
    total = 3 * (NUM_IMAGES - 1)  # each is looked at, compared and written
    assert steps == [(done, total) for done in range(1, total + 1)]


def test_entries_of_one_image_stay_together(data, tmp_path):
    (content,) = contents(data).values()
    content["images"] += [{**content["images"][0], "id": 99}, dict(content["images"][2])]
    write_annotations(data, content)
    for seed in range(3):
        divide(data, tmp_path / f"{seed}", Wishes(val=0.5, seed=seed))
        for split in contents(tmp_path / f"{seed}").values():
            for name in ("scene0/00.png", "scene2/02.png"):
                assert names(split).count(name) in (0, 2)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(val=1.0), "--val must be a share from 0 to 1. Received: 1"),
        (Wishes(test=-0.1), "--test must be a share from 0 to 1. Received: -0.1"),
        (Wishes(val=float("nan")), "--val must be a share from 0 to 1. Received: nan"),
        (
            Wishes(val=0.5, test=0.5),
            "--val and --test must sum to less than 1. Received: 1",
        ),
        (Wishes(val=0), "Expected a share for a split that is not there yet"),
        (Wishes(alike=0), "--alike must be above 0, and at most 1. Received: 0"),
        (Wishes(group_by="("), "--group-by must be a regular expression. Received: '('"),
        (
            Wishes(group_by="frame"),
            "--group-by must match in names such as 'scene0/00.png'. Received: 'frame'",
        ),
        (Wishes(group_by="(x)?"), "--group-by must match in names such as"),
        (
            Wishes(group_by="scene"),
            "expected images that may be parted, 2 at least. Received: 20 in 1 of groups",
        ),
    ],
)
def test_wishes_that_cannot_be_met_are_refused_and_nothing_is_written(data, tmp_path, wishes, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        divide(data, tmp_path / "out", wishes)
    assert "\n" not in str(caught.value) and sorted(p.name for p in tmp_path.iterdir()) == ["data"]


def test_a_split_that_is_there_is_not_divided_again(data, tmp_path):
    shutil.copy(data / "train.json", data / "val.json")
    with pytest.raises(ValueError) as caught:
        divide(data, tmp_path / "out", Wishes(val=0.2))
    assert str(caught.value) == (
        f"{data} has a val split, val.json: train with it as it is, or move that file away to divide the "
        "images of train anew; without --val it stays. Received: 0.2"
    )
    with pytest.raises(ValueError, match="has train and val: train with it as it is. Expected a share"):
        divide(data, tmp_path / "out")
    assert divide(data, tmp_path / "out", Wishes(test=0.2)).images == {"train": 16, "test": 4, "val": 20}


def test_a_folder_without_training_and_names_that_lead_elsewhere_are_refused(data, tmp_path):
    (data / "train.json").rename(data / "val.json")
    with pytest.raises(FileNotFoundError, match="expected train.json or "):
        divide(data, tmp_path / "out")
    content = contents(data)["val"]
    content["images"][0]["file_name"] = "../images/scene0/00.png"
    write_annotations(data, content)
    (data / "val.json").unlink()
    with pytest.raises(ValueError, match="expected image names below the image folder"):
        divide(data, tmp_path / "out")
    shutil.rmtree(data / "images")
    (data / "images").mkdir()
    write_annotations(data, {**content, "images": content["images"][1:2], "annotations": []})
    with pytest.raises(ValueError, match="train.json: expected images in .*images. Received none"):
        divide(data, tmp_path / "out")
