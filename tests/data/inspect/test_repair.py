"""Repaired copies: sound whatever was planted, equal where nothing was, and only as different as needed."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle
from tests.data.inspect.test_check import PLANTED, Plant, noise, save, write_sound_folder
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.repair import repair
from yolact_tf.data.inspect.repair_objects import mend_object

# What repairing a planted problem does; {} where it stays, as only its owner can tell what is meant.
DROPS_A = {"images dropped": 1, "annotations dropped": 1}
DROPS_B = {"images dropped": 1, "annotations dropped": 2}
DROPS_OBJECT = {"annotations dropped": 1}
TAKES_BOX = {"boxes taken from the mask": 1}
PLAIN = {"number in another form, now plain": 1}
EXPECTED = {
    "a missing image": DROPS_A,
    "an empty file": DROPS_A,
    "a cut JPEG": DROPS_B,
    "a TIFF": {"images written as PNG": 1},
    "an animation": {},
    "an alpha channel": {},
    "an image upside down": {},
    "a JPEG named .png": {},
    "a size that is not the file's": DROPS_A,
    "a size that forgets the orientation": {"annotations of stored pixels turned upright, by image": 1},
    "a width that is text": {"image sizes taken from the file": 1},
    "a width of -1": {"image without a size, now plain": 1},
    "a width in quotes": PLAIN,
    "an image named in quotes": PLAIN,
    "a class with a decimal point": PLAIN,
    "a crowd flag of null": {"annotation without `iscrowd`, now plain": 1},
    "a crowd flag of words": DROPS_OBJECT,
    "a file name that is null": DROPS_A,
    "an image id that is a list": {"images dropped": 1},
    "two images of one id": {"images dropped": 2, "annotations dropped": 1},
    "an image entered twice": {"repeated image entries dropped": 1},
    "two entries of one file": {"repeated image entries dropped": 1},
    "two annotations of one id": {"annotations renumbered": 1},
    "an object twice": {"repeated annotations dropped": 1},
    "an annotation id 0": {"annotations renumbered": 1},
    "an annotation of no image": DROPS_OBJECT,
    "an annotation of a list of images": DROPS_OBJECT,
    "an annotation of no class": DROPS_OBJECT,
    "two classes of one id": {"categories made the same": 1},
    "a NaN box": TAKES_BOX,
    "a NaN polygon": DROPS_OBJECT,
    "a box to the end of float64": TAKES_BOX,
    "a box of three numbers": TAKES_BOX,
    "a box without width": TAKES_BOX,
    "a box of negative height": TAKES_BOX,
    "a box beside the image": TAKES_BOX,
    "an object beside the image": DROPS_OBJECT,
    "a box over the border": {"boxes clipped": 1},
    "a box elsewhere": TAKES_BOX,
    "an area of the box": {"areas taken from the mask": 1},
    "an area without end": {"areas taken from the mask": 1},
    "a polygon of two points": DROPS_OBJECT,
    "one polygon of two points": {"polygons dropped": 1},
    "a polygon without area": {"polygons dropped": 1},
    "RLE of another size": DROPS_OBJECT,
    "RLE that is too short": DROPS_OBJECT,
    "no mask": {},
    "a mask without pixels": DROPS_OBJECT,
    "an image of both splits": {},
    "the bytes of an image of both splits": {},
    "one picture under two names": {},
    "an image without objects": {},
    "a class without objects": {},
    "crowds alone": {},
    "a tiny image": {},
    "a huge image": {},
}
LEFT_ALONE = {  # kinds that a repaired copy may still show
    *("wrong suffix", "image in both splits", "same picture twice", "image without objects"),
    *("class without objects", "split without objects", "tiny image", "huge image", "box without mask"),
    *("alpha channel", "several pages", "orientation untold"),
}


def test_every_planted_problem_is_repaired_or_refused():
    assert set(EXPECTED) == set(PLANTED) - {"a class of another name"}


def read(folder, split="train"):
    return json.loads((folder / f"{split}.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_planted_problem_is_gone_from_the_copy(name, tmp_path):
    plant = Plant(tmp_path / "data")
    PLANTED[name][0](plant)
    save(tmp_path / "data", plant.train, plant.val)
    assert repair(tmp_path / "data", tmp_path / "copy") == EXPECTED[name]
    assert {problem.kind for problem in check(tmp_path / "copy")} <= LEFT_ALONE
    for split in ("train", "val"):
        load_coco(tmp_path / "copy", split, "refuse")


@pytest.mark.parametrize("name", list(EXPECTED)[::6])
def test_repairing_again_does_nothing(name, tmp_path):
    plant = Plant(tmp_path / "data")
    PLANTED[name][0](plant)
    save(tmp_path / "data", plant.train, plant.val)
    repair(tmp_path / "data", tmp_path / "once")
    assert repair(tmp_path / "once", tmp_path / "twice") == {}
    assert read(tmp_path / "once") == read(tmp_path / "twice")


def test_sound_data_stay_as_they_are(tmp_path):
    train, val = write_sound_folder(tmp_path / "data")
    calls = []
    progress = lambda *call: calls.append(call)
    assert repair(tmp_path / "data", tmp_path / "new" / "copy", progress=progress) == {}
    assert calls == [(step, 3 + 4) for step in range(1, 8)]
    assert (read(tmp_path / "new" / "copy"), read(tmp_path / "new" / "copy", "val")) == (train, val)
    assert sorted(p.name for p in (tmp_path / "new" / "copy" / "images").iterdir()) == [
        *("a.png", "b.jpg", "v.png")
    ]
    for path in (tmp_path / "new" / "copy" / "images").iterdir():
        assert path.samefile(tmp_path / "data" / "images" / path.name)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["copy"]


def test_real_data_stay_as_they_are(shared_data, tmp_path):
    assert repair(shared_data / "coco100", tmp_path / "copy") == {}
    assert read(tmp_path / "copy") == read(shared_data / "coco100")


def test_the_source_stays_as_it_is(tmp_path):
    plant = Plant(tmp_path / "data")
    for name in ("two annotations of one id", "a box elsewhere", "a missing image"):
        PLANTED[name][0](plant)
    save(tmp_path / "data", plant.train, plant.val)
    repair(tmp_path / "data", tmp_path / "copy")
    assert (read(tmp_path / "data"), read(tmp_path / "data", "val")) == (plant.train, plant.val)


def test_splits_that_are_not_copied_are_counted(tmp_path):
    write_sound_folder(tmp_path / "data")
    shutil.copy(tmp_path / "data" / "val.json", tmp_path / "data" / "test.json")
    assert repair(tmp_path / "data", tmp_path / "copy") == {"other splits left out": 1}


def test_images_are_copied_where_they_cannot_be_linked(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another disk")

    write_sound_folder(tmp_path / "data")
    monkeypatch.setattr("os.link", refuse)
    repair(tmp_path / "data", tmp_path / "copy")
    copies = sorted((tmp_path / "copy" / "images").iterdir())
    assert [path.name for path in copies] == sorted(p.name for p in (tmp_path / "data" / "images").iterdir())
    for path in copies:
        source = tmp_path / "data" / "images" / path.name
        assert path.read_bytes() == source.read_bytes() and not path.samefile(source)


def test_entries_of_one_file_become_one_with_all_objects_once(tmp_path):
    plant = Plant(tmp_path / "data")
    plant.add_image(plant.train, "a.png", 9, object_id=9)
    plant.train["annotations"].append({**plant.object, "image_id": 9, "id": 10})  # a copy of annotation 1
    save(tmp_path / "data", plant.train, plant.val)
    done = repair(tmp_path / "data", tmp_path / "copy")
    assert done == {"repeated image entries dropped": 1, "repeated annotations dropped": 1}
    copy = read(tmp_path / "copy")
    assert [image["id"] for image in copy["images"]] == [1, 2]
    assert [(a["id"], a["image_id"]) for a in copy["annotations"]] == [(1, 1), (2, 2), (3, 2), (9, 1)]


def test_a_file_entered_twice_wholly_is_there_once(tmp_path):
    plant = Plant(tmp_path / "data")
    for key in ("images", "annotations", "categories"):
        plant.train[key] *= 2
    save(tmp_path / "data", plant.train, plant.val)
    repair(tmp_path / "data", tmp_path / "copy")
    assert read(tmp_path / "copy") == write_sound_folder(tmp_path / "sound")[0]


def test_categories_of_both_splits_are_united(tmp_path):
    plant = Plant(tmp_path / "data")
    plant.train["categories"].append({"id": 7, "name": "b"})
    plant.val["categories"].append({"id": 3, "name": "c"})
    save(tmp_path / "data", plant.train, plant.val)
    repair(tmp_path / "data", tmp_path / "copy")
    for split in ("train", "val"):
        assert load_coco(tmp_path / "copy", split).labels == {1: "thing", 3: "c", 7: "b"}


def test_decoding_drops_what_only_it_finds(tmp_path):
    plant = Plant(tmp_path / "data")
    plant.draw("b.webp", noise(2), lossless=True)
    plant.rename(plant.train, 1, "b.webp")
    save(tmp_path / "data", plant.train, plant.val)
    path = tmp_path / "data" / "images" / "b.webp"
    path.write_bytes(path.read_bytes()[:100] + bytes(len(path.read_bytes()) - 100))
    assert repair(tmp_path / "data", tmp_path / "shallow") == {}
    assert repair(tmp_path / "data", tmp_path / "deep", decode=True) == DROPS_B
    assert check(tmp_path / "deep", decode=True) == []


# What cannot be repaired


def refused(folder, target, match):
    before = sorted(folder.parent.iterdir())
    with pytest.raises(ValueError, match=match):
        repair(folder, target)
    assert sorted(folder.parent.iterdir()) == before


def test_a_target_that_exists_is_refused(tmp_path):
    write_sound_folder(tmp_path / "data")
    (tmp_path / "copy").mkdir()
    refused(tmp_path / "data", tmp_path / "copy", "must go to a new folder. Received: .*copy', which exists")


def test_a_class_of_two_names_is_refused(tmp_path):
    plant = Plant(tmp_path / "data")
    PLANTED["a class of another name"][0](plant)
    save(tmp_path / "data", plant.train, plant.val)
    refused(tmp_path / "data", tmp_path / "copy", "cannot be repaired. Received: 'thing' and 'thign'$")


def test_a_split_without_usable_images_is_refused(tmp_path):
    write_sound_folder(tmp_path / "data")
    (tmp_path / "data" / "images" / "v.png").unlink()
    refused(tmp_path / "data", tmp_path / "copy", "val.json: expected at least one image to keep")


@pytest.mark.parametrize("name", ["../c.png", "{}/c.png", "x/../../c.png"])
def test_a_file_outside_the_folder_is_refused(name, tmp_path):
    plant = Plant(tmp_path / "data")
    plant.draw("../c.png", noise(3))
    (plant.images / "x").mkdir()
    plant.image["file_name"] = name.format(tmp_path / "data")
    save(tmp_path / "data", plant.train, plant.val)
    refused(tmp_path / "data", tmp_path / "copy", "expected file names inside images/")


def test_a_half_written_copy_is_removed(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    write_sound_folder(tmp_path / "data")
    monkeypatch.setattr("os.link", fail)
    monkeypatch.setattr("shutil.copyfile", fail)
    with pytest.raises(OSError, match="disk full"):
        repair(tmp_path / "data", tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


# One object, by hand


def test_a_box_is_clipped_to_the_image():
    annotation = {**rectangle(1, 30, -4, 20, 12), "area": 80}
    mended, done = mend_object(annotation, 30, 40)
    assert mended == {**annotation, "bbox": [30, 0, 10, 8]} and done == ["boxes clipped"]


def test_sound_polygons_stay_and_box_and_area_follow_them():
    annotation = {**rectangle(1, 5, 6, 20, 12), "bbox": [5, 6, 30, 20], "area": 600}
    annotation["segmentation"] += [[30, 20, 35, 26], [1, 1, 2, 2, 3, 3]]
    mended, done = mend_object(annotation, 30, 40)
    assert mended == rectangle(1, 5, 6, 20, 12)
    assert done == ["polygons dropped"] * 2 + ["boxes taken from the mask", "areas taken from the mask"]


def test_a_box_without_width_is_the_box_of_its_run_lengths():
    mask = np.zeros((30, 40), int)
    mask[6:18, 5:25] = 1
    flat = np.concatenate([[0], mask.T.ravel(), [0]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges, [1200]])).tolist()
    annotation = {"bbox": [0, 0, 0, 0], "segmentation": {"size": [30, 40], "counts": counts}}
    mended, done = mend_object(annotation, 30, 40)
    assert mended["bbox"] == [5, 6, 20, 12] and done == ["boxes taken from the mask"]


def test_copies_keep_every_other_field(tmp_path):
    plant = Plant(tmp_path / "data")
    plant.train |= {"info": {"year": 2024}, "licenses": []}
    plant.image["license"] = 3
    plant.object.update(bbox=[5, 6, 0, 0], attributes={"occluded": True})
    save(tmp_path / "data", plant.train, plant.val)
    Image.new("RGB", (9, 9)).save(tmp_path / "data" / "images" / "unused.png")
    repair(tmp_path / "data", tmp_path / "copy")
    copy = read(tmp_path / "copy")
    assert (copy["info"], copy["licenses"]) == ({"year": 2024}, []) and copy["images"][0]["license"] == 3
    assert copy["annotations"][0]["attributes"] == {"occluded": True}
    assert not (tmp_path / "copy" / "images" / "unused.png").exists()
