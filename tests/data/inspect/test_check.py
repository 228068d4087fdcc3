"""Checking a data folder: every kind of problem planted once and found once, and nothing in sound data."""

import json
import random
import struct
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.accents import ACCENTS
from tests.data.coco.test_split import BROKEN_ANNOTATIONS, BROKEN_IMAGES
from yolact_tf.data.coco.problems import KINDS, Problem, group
from yolact_tf.data.coco.segmentation import parse_segmentation
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.check_objects import check_object, measures_of
from yolact_tf.images.truncated_jpeg import CUT_SHORT

HEIGHT, WIDTH = 30, 40


def noise(seed):
    """A picture of its own bytes, [H, W, 3] uint8."""
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype("uint8")


def write_sound_folder(folder):
    """(train, val): a.png and b.jpg with three objects, and v.png with one, in which nothing is wrong."""
    write_folder(folder, {"v.png": noise(0)}, [rectangle(1, 5, 5, 10, 10)], splits=("val",))
    objects = [rectangle(1, 5, 6, 20, 12), rectangle(2, 1, 1, 9, 9), rectangle(2, 20, 3, 16, 24)]
    write_folder(folder, {"a.png": noise(1), "b.jpg": noise(2)}, objects)
    return tuple(json.loads((folder / f"{split}.json").read_text()) for split in ("train", "val"))


def save(folder, train, val):
    write_annotations(folder, train)
    write_annotations(folder, val, "val")


class Plant:
    """Ways to spoil the sound folder."""

    def __init__(self, folder):
        self.images = folder / "images"
        self.train, self.val = write_sound_folder(folder)
        self.image = self.train["images"][0]
        self.object = self.train["annotations"][0]

    def draw(self, name, picture, **settings):
        Image.fromarray(picture).save(self.images / name, **settings)

    def draw_pages(self, name, count):
        """An animated PNG."""
        pages = [Image.fromarray(noise(seed)) for seed in range(count)]
        pages[0].save(self.images / name, "PNG", save_all=True, append_images=pages[1:])

    def add_image(self, content, name, image_id, object_id=None):
        """One more image entry, with an object unless `object_id` is None."""
        content["images"].append({"id": image_id, "file_name": name, "height": HEIGHT, "width": WIDTH})
        if object_id is not None:
            content["annotations"].append({**rectangle(image_id, 3, 3, 9, 9), "id": object_id})

    def resize(self, height, width):
        """a.png as one grey picture of another size."""
        Image.new("1", (width, height)).save(self.images / "a.png")
        self.image.update(height=height, width=width)

    def rename(self, content, number, name):
        content["images"][number]["file_name"] = name


A, OBJECT = "images/a.png", "images/a.png: annotation 1"

# What was spoilt: (how, kind, split, where, part of the message).
PLANTED = {
    "a missing image": (
        lambda p: (p.images / "a.png").unlink(),
        *("missing image", "train", A, "expected an image file. Received: none"),
    ),
    "an empty file": (
        lambda p: (p.images / "a.png").write_bytes(b""),
        *("unreadable image", "train", A, "expected an image (JPEG, MPO, PNG, WEBP, GIF, BMP). Received 0 "),
    ),
    "a cut JPEG": (
        lambda p: (p.images / "b.jpg").write_bytes((p.images / "b.jpg").read_bytes()[:-100]),
        *("unreadable image", "train", "images/b.jpg", "expected a whole JPEG. Received one without its end"),
    ),
    "a TIFF": (
        lambda p: p.draw("a.png", noise(1), format="TIFF"),
        *("other image format", "train", A, "BMP; --fix writes a PNG. Received: TIFF RGB"),
    ),
    "an animation": (
        lambda p: p.draw_pages("a.png", 3),
        *("several pages", "train", A, "the first of 3 pages or frames is read"),
    ),
    "an alpha channel": (
        lambda p: p.draw("a.png", np.concatenate([noise(1), noise(2)[..., :1]], 2)),
        *("alpha channel", "train", A, "transparency is dropped, and the colours below it are seen"),
    ),
    "a JPEG named .png": (
        lambda p: p.draw("a.png", noise(1), format="JPEG"),
        *("wrong suffix", "train", A, "expected a JPEG to be named .jpg. Received: .png"),
    ),
    "a size that is not the file's": (
        lambda p: p.draw("a.png", noise(1).swapaxes(0, 1)),
        *("wrong size", "train", A, "expected 40x30 pixels. Received: 30x40"),
    ),
    "a size that forgets the orientation": (
        lambda p: p.draw("b.jpg", noise(2), exif=orientation(6)),
        *("annotations of stored pixels", "train", "images/b.jpg"),
        "expected annotations of the upright 30x40 pixels. Received: of 40x30, as stored; they are turned by "
        "EXIF orientation 6",
    ),
    "an image upside down": (
        lambda p: p.draw("b.jpg", noise(2), exif=orientation(3)),
        *("orientation untold", "train", "images/b.jpg"),
        "EXIF orientation 3, which no size tells of; annotations count as upright",
    ),
    "a width that is text": (
        lambda p: p.image.update(width="forty"),
        *("malformed image entry", "train", "train.json: image 1"),
        "expected a whole number from 1 as `width`. Received: 'forty'",
    ),
    "a width of -1": (
        lambda p: p.image.update(width=-1),
        *("image without a size", "train", "train.json", "image 1: 40x30 by its file"),
    ),
    "a width in quotes": (
        lambda p: p.image.update(width="40"),
        *("number in another form", "train", "train.json", "image 1: `width` '40' read as 40"),
    ),
    "an image named in quotes": (
        lambda p: p.object.update(image_id="1"),
        *("number in another form", "train", "train.json", "annotation 1: `image_id` '1' read as 1"),
    ),
    "a class with a decimal point": (
        lambda p: p.object.update(category_id=1.0),
        *("number in another form", "train", "train.json", "annotation 1: `category_id` 1.0 read as 1"),
    ),
    "a crowd flag of null": (
        lambda p: p.object.update(iscrowd=None),
        *("annotation without `iscrowd`", "train", "train.json", "annotation 1"),
    ),
    "a crowd flag of words": (
        lambda p: p.object.update(iscrowd="no"),
        *("malformed crowd flag", "train", OBJECT, "expected 0 or 1 as `iscrowd`. Received: 'no'"),
    ),
    "a file name that is null": (
        lambda p: p.image.update(file_name=None),
        *("malformed image entry", "train", "train.json: image 1", "text as `file_name`. Received: None"),
    ),
    "an image id that is a list": (
        lambda p: p.train["images"].append({**p.image, "id": [1], "file_name": "c.png"}),
        *("malformed image entry", "train", "train.json: image [1]", "as `id`. Received: [1]"),
    ),
    "two images of one id": (
        lambda p: (p.draw("c.png", noise(3)), p.add_image(p.train, "c.png", 1)),
        *("duplicate image id", "train", "train.json: image 1", "to be unique. Received: 1 2 times"),
    ),
    "an image entered twice": (
        lambda p: p.train["images"].append(dict(p.image)),
        *("duplicate image id", "train", "train.json: image 1", "to be unique. Received: 1 2 times"),
    ),
    "two entries of one file": (
        lambda p: p.add_image(p.train, "a.png", 9, object_id=9),
        *("duplicate file name", "train", A, "expected one image entry a file. Received: 2"),
    ),
    "two annotations of one id": (
        lambda p: p.train["annotations"][1].update(id=1),
        *("duplicate annotation id", "train", "train.json: annotation 1", "unique. Received: 1 2 times"),
    ),
    "an object twice": (
        lambda p: p.train["annotations"].append({**p.object, "id": 8}),
        *("object twice", "train", "train.json: annotation 8", "object than that of annotation 1. Received"),
    ),
    "an annotation id 0": (
        lambda p: p.object.update(id=0),
        *("annotation id 0", "train", "train.json: annotation 0", "expected ids from 1. Received: 0"),
    ),
    "an annotation of no image": (
        lambda p: p.train["annotations"].append({**rectangle(7, 1, 1, 5, 5), "id": 8}),
        *("unknown image", "train", "train.json: annotation 8"),
        "expected the id of one of 2 images as `image_id`. Received: 7",
    ),
    "an annotation of a list of images": (
        lambda p: p.train["annotations"].append({**rectangle([1], 1, 1, 5, 5), "id": 8}),
        *("unknown image", "train", "train.json: annotation 8", "as `image_id`. Received: [1]"),
    ),
    "an annotation of no class": (
        lambda p: p.object.update(category_id=5),
        *("unknown category", "train", "train.json: annotation 1"),
        "expected one of the category ids [1] as `category_id`. Received: 5",
    ),
    "two classes of one id": (
        lambda p: p.train["categories"].append({"id": 1, "name": "thing"}),
        *("duplicate category", "train", "train.json: category 1", "unique. Received: 1 2 times"),
    ),
    "a class of another name": (
        lambda p: p.val["categories"][0].update(name="thign"),
        *("different categories", "val", "val.json: category 1"),
        "expected the categories of train.json, 1 being 'thing'. Received: 'thign' (1 differ)",
    ),
    "a NaN box": (
        lambda p: p.object.update(bbox=[5, float("nan"), 20, 12]),
        *("NaN coordinates", "train", OBJECT, "expected four finite numbers as `bbox`. Received: [5, nan, "),
    ),
    "a NaN polygon": (
        lambda p: p.object.update(segmentation=[[1, 1, 9, float("nan"), 5, 2]]),
        *("NaN coordinates", "train", OBJECT, "expected polygon coordinates up to 100000. Received: one"),
    ),
    "a box to the end of float64": (
        lambda p: p.object.update(bbox=[5, 6, 1e308, 1e308]),
        *("malformed box", "train", OBJECT, "expected `bbox` coordinates up to 100000. Received: [5, 6, "),
    ),
    "a box of three numbers": (
        lambda p: p.object.update(bbox=[5, 5, 20]),
        *("malformed box", "train", OBJECT, "expected four finite numbers as `bbox`. Received: [5, 5, 20]"),
    ),
    "a box without width": (
        lambda p: p.object.update(bbox=[5, 6, 0, 12]),
        *("empty box", "train", OBJECT, "of positive width and height. Received: [5, 6, 0, 12]"),
    ),
    "a box of negative height": (
        lambda p: p.object.update(bbox=[5, 18, 20, -12]),
        *("empty box", "train", OBJECT, "of positive width and height. Received: [5, 18, 20, -12]"),
    ),
    "a box beside the image": (
        lambda p: p.object.update(bbox=[45, 6, 20, 12]),
        *("box outside the image", "train", OBJECT),
        "expected a `bbox` inside 40x30 pixels. Received: [45, 6, 20, 12]",
    ),
    "an object beside the image": (
        lambda p: p.object.update(rectangle(1, 45, 6, 20, 12)),
        *("box outside the image", "train", OBJECT, "inside 40x30 pixels. Received: [45, 6, 20, 12]"),
    ),
    "a box over the border": (
        lambda p: p.object.update({**rectangle(1, 30, 6, 20, 12), "area": 10 * 12}),
        *("box crosses the border", "train", OBJECT, "inside 40x30 pixels. Received: [30, 6, 20, 12]"),
    ),
    "a box elsewhere": (
        lambda p: p.object.update(bbox=[10, 6, 20, 12]),
        *("box disagrees", "train", OBJECT),
        "expected a `bbox` near the mask's [5.0, 6.0, 20.0, 12.0]. Received: [10, 6, 20, 12]",
    ),
    "an area of the box": (
        lambda p: p.object.update(segmentation=[[5, 6, 25, 6, 25, 18]]),
        *("area disagrees", "train", OBJECT, "expected an `area` near the mask's 1", "Received: 240"),
    ),
    "an area without end": (
        lambda p: p.object.update(area=float("inf")),
        *("area disagrees", "train", OBJECT, "near the mask's 240. Received: inf"),
    ),
    "a polygon of two points": (
        lambda p: p.object.update(segmentation=[[5, 6, 25, 18]]),
        *("degenerate polygon", "train", OBJECT, "of at least three points (x, y). Received: 4 numbers"),
    ),
    "one polygon of two points": (
        lambda p: p.object["segmentation"].append([5, 6, 25, 18]),
        *("degenerate polygon", "train", OBJECT, "Received: 4 numbers (1 of 2 polygons)"),
    ),
    "a polygon without area": (
        lambda p: p.object["segmentation"].append([6, 7, 8, 9, 10, 11]),
        *("flat polygon", "train", OBJECT, "expected polygons with an area. Received: 1 of 2 flat"),
    ),
    "RLE of another size": (
        lambda p: p.object.update(segmentation={"size": [40, 30], "counts": [600, 600]}),
        *("RLE of another size", "train", OBJECT, "expected RLE of size [30, 40]. Received: [40, 30]"),
    ),
    "RLE that is too short": (
        lambda p: p.object.update(segmentation={"size": [30, 40], "counts": [600, 6]}),
        *("malformed mask", "train", OBJECT, "run lengths that sum to 1200. Received: 606"),
    ),
    "no mask": (
        lambda p: p.object.pop("segmentation"),
        *("box without mask", "train", OBJECT, "expected a `segmentation`. Received: a `bbox` alone"),
    ),
    "a mask without pixels": (
        lambda p: p.object.update(segmentation={"size": [30, 40], "counts": [1200]}),
        *("empty mask", "train", OBJECT, "expected a mask of at least one pixel. Received: none"),
    ),
    "an image of both splits": (
        lambda p: p.add_image(p.val, "a.png", 9, object_id=9),
        *("image in both splits", "val", A, "in one split only. Received: the same file name in train"),
    ),
    "the bytes of an image of both splits": (
        lambda p: (p.draw("w.png", noise(1)), p.add_image(p.val, "w.png", 9, object_id=9)),
        *("image in both splits", "val", "images/w.png", "Received: the bytes of a.png in train"),
    ),
    "one picture under two names": (
        lambda p: (p.draw("c.png", noise(1)), p.add_image(p.train, "c.png", 9, object_id=9)),
        *("same picture twice", "train", "images/c.png"),
        "expected another picture than in a.png. Received: the same bytes",
    ),
    "an image without objects": (
        lambda p: (p.draw("c.png", noise(3)), p.add_image(p.train, "c.png", 9)),
        *("image without objects", "train", "images/c.png", "no annotations"),
    ),
    "a class without objects": (
        lambda p: (
            [c["categories"].append({"id": 2, "name": "b"}) for c in (p.train, p.val)],
            p.object.update(category_id=2),
        ),
        *("class without objects", "val", "val.json: category 2 (b)", "no annotations"),
    ),
    "crowds alone": (
        lambda p: [a.update(iscrowd=1) for a in p.train["annotations"]],
        *("split without objects", "train", "train.json", "an object to learn from. Received: crowds only"),
    ),
    "a tiny image": (
        lambda p: (p.resize(1, 1), p.object.update(rectangle(1, 0, 0, 1, 1))),
        *("tiny image", "train", A, "1x1 pixels"),
    ),
    "a huge image": (lambda p: p.resize(7200, 7200), "huge image", "train", A, "7200x7200 pixels"),
}


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_problem_is_found_once_and_nothing_else(name, tmp_path):
    spoil, kind, split, where, *messages = PLANTED[name]
    plant = Plant(tmp_path)
    spoil(plant)
    save(tmp_path, plant.train, plant.val)
    (found,) = check(tmp_path)
    assert (found.kind, found.split, found.where) == (kind, split, where)
    assert all(message in found.message for message in messages) and "\n" not in found.message
    assert found.severity == KINDS[kind]


def test_every_kind_is_planted():
    elsewhere = {"empty split", "ambiguous file name", "byte order mark"}
    elsewhere |= {"no validation split", "category name twice", "layout of another tool"}
    elsewhere |= {kind for _, kinds in ACCENTS.values() for kind in kinds}
    assert {kind for _, kind, *_ in PLANTED.values()} | elsewhere == set(KINDS)


def test_a_split_of_unreadable_images_is_empty_too(tmp_path):
    write_sound_folder(tmp_path)
    (tmp_path / "images" / "v.png").unlink()
    assert [(p.kind, p.where) for p in check(tmp_path)] == [
        ("missing image", "images/v.png"),
        ("empty split", "val.json"),
    ]


# Sound data


def test_nothing_is_wrong_with_a_sound_folder(tmp_path):
    write_sound_folder(tmp_path)
    assert check(tmp_path) == check(tmp_path, decode=True) == []


def test_nothing_is_wrong_with_drawn_shapes(shapes_data):
    assert {problem.kind for problem in check(shapes_data)} <= {"class without objects"}


def test_without_validation_there_is_nothing_but_that_to_say(tmp_path):
    write_sound_folder(tmp_path)
    (tmp_path / "val.json").rename(tmp_path / "test.json")
    message = f"`yolact data split {tmp_path} OUT --val 0.2` makes one, which training needs"
    assert check(tmp_path) == [Problem("train", "train.json", "no validation split", message)]
    assert KINDS["no validation split"] == "warning"
    (tmp_path / "train.json").rename(tmp_path / "val.json")
    assert check(tmp_path) == []


@pytest.mark.parametrize("name", ["thing", "Thing", " thing"])
def test_names_of_categories_that_occur_twice_are_found(tmp_path, name):
    plant = Plant(tmp_path)
    for content in (plant.train, plant.val):
        content["categories"].append({"id": 7, "name": name})
        content["annotations"][0]["category_id"] = 7
    plant.val["annotations"].append({**plant.val["annotations"][0], "category_id": 1, "id": 9})
    save(tmp_path, plant.train, plant.val)
    message = f"expected another name than that of category 1. Received: {name!r}"
    assert check(tmp_path) == [
        Problem(split, f"{split}.json: category 7", "category name twice", message)
        for split in ("train", "val")
    ]
    assert KINDS["category name twice"] == "warning"


def test_frames_of_one_name_in_two_folders_are_two_images(tmp_path):
    write_sound_folder(tmp_path)
    for split, name in (("train", "a.png"), ("val", "v.png")):
        (tmp_path / split).mkdir()
        (tmp_path / "images" / name).rename(tmp_path / split / "frame_0.png")
        content = json.loads((tmp_path / f"{split}.json").read_text())
        content["images"] = content["images"][:1]
        content["images"][0]["file_name"] = "frame_0.png"
        content["annotations"] = content["annotations"][:1]
        (tmp_path / f"{split}.json").unlink()
        (tmp_path / split / "_annotations.coco.json").write_text(json.dumps(content))
    assert [(p.split, p.kind, p.message) for p in check(tmp_path)] == [
        (split, "layout of another tool", f"read as {split}, with the images in {split}/")
        for split in ("train", "val")
    ]


def test_the_layout_of_coco_2017(tmp_path):
    write_sound_folder(tmp_path)
    (tmp_path / "annotations").mkdir()
    for split in ("train", "val"):
        (tmp_path / f"{split}.json").rename(tmp_path / "annotations" / f"instances_{split}2017.json")
    (tmp_path / "images").rename(tmp_path / "train2017")
    (tmp_path / "val2017").mkdir()
    (tmp_path / "train2017" / "v.png").rename(tmp_path / "val2017" / "v.png")
    assert check(tmp_path) == []
    (tmp_path / "val2017" / "v.png").unlink()
    assert check(tmp_path)[0].where == "val2017/v.png"


def test_an_image_on_its_side_has_its_upright_size(tmp_path):
    plant = Plant(tmp_path)
    plant.draw("b.jpg", noise(2).swapaxes(0, 1), exif=orientation(6))
    assert check(tmp_path) == []


def test_rounding_is_no_problem(tmp_path):
    plant = Plant(tmp_path)
    # A pixel over each border; sides off by two pixels; an area off by ten.
    plant.object.update(rectangle(1, -1, -1, 42, 32), area=1200)
    plant.train["annotations"][1].update(bbox=[1, 1, 11, 7], area=9 * 9 + 10)
    save(tmp_path, plant.train, plant.val)
    assert check(tmp_path) == []


def test_crowds_may_have_any_area(tmp_path):
    plant = Plant(tmp_path)
    plant.object.update(iscrowd=1, area=999)
    save(tmp_path, plant.train, plant.val)
    assert check(tmp_path) == []


def test_real_data_sets_have_no_errors(shared_data):
    expected = {"image without objects": 2, "class without objects": 40}  # 80 classes in 47 and 57 images
    assert Counter(problem.kind for problem in check(shared_data / "coco100")) == expected
    assert check(shared_data / "animals4") == check(shared_data / "fruitnuts3") == []


# Damage that only decoding shows


def test_decoding_finds_damage_between_sound_ends(tmp_path):
    plant = Plant(tmp_path)
    plant.draw("a.webp", noise(1), lossless=True)
    plant.image.update(file_name="a.webp")
    save(tmp_path, plant.train, plant.val)
    path = tmp_path / "images" / "a.webp"
    data = path.read_bytes()
    path.write_bytes(data[:100] + bytes(len(data) - 100))
    assert check(tmp_path) == []
    (found,) = check(tmp_path, decode=True)
    assert (found.kind, found.where) == ("unreadable image", "images/a.webp")
    assert found.message == "expected an image. Received: Failed to decode WebP image."


@pytest.mark.parametrize("progressive, share", [(False, 0.5), (True, 0.9)])
def test_decoding_names_a_jpeg_whose_last_part_is_gone(progressive, share, tmp_path):
    plant = Plant(tmp_path)
    plant.draw("b.jpg", noise(2), progressive=progressive)
    save(tmp_path, plant.train, plant.val)
    path = tmp_path / "images" / "b.jpg"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)].rstrip(b"\xff") + b"\xff\xd9")
    assert check(tmp_path) == []
    (found,) = check(tmp_path, decode=True)
    assert (found.kind, found.where) == ("unreadable image", "images/b.jpg")
    assert found.message == f"expected an image. Received: {CUT_SHORT}"


def test_decoding_names_an_image_of_another_size_than_its_header_says(tmp_path):
    # An orientation of 32 bits, where 16 are the rule: Pillow turns the image, TensorFlow does not.
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIII", 8, 1, 0x0112, 4, 1, 6, 0)
    plant = Plant(tmp_path)
    plant.draw("b.jpg", noise(2).swapaxes(0, 1), exif=exif)
    save(tmp_path, plant.train, plant.val)
    assert check(tmp_path) == []
    (found,) = check(tmp_path, decode=True)
    assert (found.kind, found.where) == ("unreadable image", "images/b.jpg")
    assert found.message == "expected 40x30 pixels once decoded. Received: 30x40"


def test_annotations_that_are_no_good_are_no_crowds(tmp_path):
    plant = Plant(tmp_path)
    for annotation in plant.train["annotations"]:
        annotation["bbox"] = "none"
    save(tmp_path, plant.train, plant.val)
    (found,) = [problem for problem in check(tmp_path) if problem.kind == "split without objects"]
    assert found.message == "expected an object to learn from. Received: none that is usable"


# Laws


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_entries_does_not_matter(seed, tmp_path):
    plant = Plant(tmp_path)
    for name in ("two images of one id", "two entries of one file", "an annotation of no image"):
        PLANTED[name][0](plant)
    plant.train["annotations"][1].update(bbox=[1, 1, 0, 5])
    plant.draw("w.png", noise(1))
    plant.add_image(plant.val, "w.png", 7, object_id=7)
    plant.draw("d.png", noise(1))
    plant.add_image(plant.train, "d.png", 5)
    save(tmp_path, plant.train, plant.val)
    before = check(tmp_path)
    for content in (plant.train, plant.val):
        for entries in content.values():
            random.Random(seed).shuffle(entries)
    save(tmp_path, plant.train, plant.val)
    assert sorted(check(tmp_path)) == sorted(before) and len(before) == 7


@pytest.mark.parametrize("name", BROKEN_ANNOTATIONS)
def test_what_the_loader_leaves_out_of_an_image_is_one_error(name, tmp_path):
    plant = Plant(tmp_path)
    plant.object.update(BROKEN_ANNOTATIONS[name][0])
    save(tmp_path, plant.train, plant.val)
    (found,) = check(tmp_path)
    assert (found.severity, found.where) == ("error", OBJECT) and BROKEN_ANNOTATIONS[name][1] in found.message


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_an_image_that_the_loader_leaves_out_is_one_error(name, tmp_path):
    file_name, damage, _ = BROKEN_IMAGES[name]
    train, _ = write_sound_folder(tmp_path)
    Image.fromarray(noise(5)).save(tmp_path / "images" / file_name)
    train["images"][1]["file_name"] = file_name
    write_annotations(tmp_path, train)
    assert check(tmp_path) == []
    damage(tmp_path / "images" / file_name)
    (found,) = check(tmp_path)
    assert (found.severity, found.where) == ("error", f"images/{file_name}")


@pytest.mark.parametrize("name", PLANTED)
def test_the_loader_takes_what_has_no_errors(name, tmp_path):
    plant = Plant(tmp_path)
    PLANTED[name][0](plant)
    save(tmp_path, plant.train, plant.val)
    if all(problem.severity != "error" for problem in check(tmp_path)):
        for split in ("train", "val"):
            load_coco(tmp_path, split, "refuse")


# One object, by hand


def measures(segmentation, height, width):
    return measures_of(parse_segmentation(segmentation, height, width), height, width)


def test_measures_of_a_mask_of_two_columns():
    # 4x3 pixels, column-major: 2 off, 3 on (rows 2, 3 of column 0; row 0 of column 1), 7 off.
    area, outline, box = measures({"size": [4, 3], "counts": [2, 3, 7]}, 4, 3)
    assert (area, outline, box) == (3, 3.0, (0, 0, 2, 4))


def test_measures_of_a_mask_within_one_column():
    assert measures({"size": [4, 3], "counts": [5, 2, 5]}, 4, 3) == (2, 2.0, (1, 1, 2, 3))


def test_measures_skip_runs_of_nothing():
    counts = [0, 0, 5, 2, 0, 0, 5, 0]
    assert measures({"size": [4, 3], "counts": counts}, 4, 3) == (2, 2.0, (1, 1, 2, 3))


def test_measures_of_polygons_reach_to_their_corners_inside_the_image():
    # A triangle of half of 20 x 12, and a square of which 2 x 4 lie inside.
    _, outline, box = measures([[5, 6, 25, 6, 25, 18], [38, 20, 42, 20, 42, 24, 38, 24]], HEIGHT, WIDTH)
    assert (outline, box) == (120 + 16, (5, 6, 40, 24))


def test_a_box_and_a_mask_that_are_both_broken_are_two_problems():
    annotation = {"bbox": [1, 1, 0, 5], "segmentation": [[1, 2, 3, 4]]}
    assert [fault.kind for fault in check_object(annotation, 9, 9)] == ["empty box", "degenerate polygon"]


# Folders that are refused, progress, rows


def test_what_is_no_data_set_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected train.json or annotations/instances_train2017"):
        check(tmp_path)
    with pytest.raises(FileNotFoundError, match="which is none"):
        check(tmp_path / "gone")
    write_sound_folder(tmp_path)
    (tmp_path / "val.json").write_text("{}")
    with pytest.raises(ValueError, match="val.json: expected COCO JSON with a list `images`"):
        check(tmp_path)


def test_category_ids_must_be_numbers(tmp_path):
    plant = Plant(tmp_path)
    plant.train["categories"][0]["id"] = "one"
    save(tmp_path, plant.train, plant.val)
    with pytest.raises(ValueError, match="expected whole numbers as ids of `categories`. Received: 'one'$"):
        check(tmp_path)


def test_progress_counts_every_file_once_and_every_annotation(tmp_path):
    plant = Plant(tmp_path)
    plant.add_image(plant.val, "a.png", 9)
    save(tmp_path, plant.train, plant.val)
    calls = []
    check(tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [(step, 3 + 4) for step in range(1, 8)]


def test_rows_count_kinds_gravest_first_with_the_first_examples():
    problems = [
        Problem("train", f"images/{i}.png", kind, "x")
        for i, kind in enumerate(["tiny image", "empty box", "tiny image", "wrong suffix", "tiny image"])
    ]
    rows = group(problems, num_examples=2)
    assert [(row.kind, row.severity, row.count) for row in rows] == [
        ("empty box", "error", 1),
        ("wrong suffix", "warning", 1),
        ("tiny image", "note", 3),
    ]
    assert rows[2].examples == (problems[0], problems[2])
    assert group([]) == []
