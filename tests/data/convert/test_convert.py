"""From format to format: real data there and back, a new folder whole or not at all."""

import itertools
import json
import os
import re

import numpy as np
import pytest

from tests.coco_folder import rectangle, write_folder
from tests.data.convert.made import HEIGHT, WIDTH, kinds, objects_of
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.convert import READERS, WRITERS, convert

EXACT = ("cvat", "labelme", "yolo")
PIXELS = ("masks", "voc")  # one object a pixel


@pytest.fixture(scope="module")
def twenty(shared_data, tmp_path_factory):
    """Twenty images of coco100, those with crowds among them, in two splits; linked."""
    folder = tmp_path_factory.mktemp("twenty")
    (folder / "images").symlink_to(shared_data / "coco100" / "images")
    for split in ("train", "val"):
        content = json.loads((shared_data / "coco100" / f"{split}.json").read_text())
        crowded = {a["image_id"] for a in content["annotations"] if a["iscrowd"]}
        images = sorted(content["images"], key=lambda image: image["id"] not in crowded)[:10]
        kept = {image["id"] for image in images}
        rows = [a for a in content["annotations"] if a["image_id"] in kept]
        (folder / f"{split}.json").write_text(json.dumps({**content, "images": images, "annotations": rows}))
    return folder


@pytest.fixture(scope="module")
def expected(twenty):
    """What they hold: the DataSet, {image: [(class, is crowd, mask)]}, and that without crowds."""
    source = READERS["coco"](twenty)
    objects = objects_of(source)
    return source, objects, {name: [o for o in found if not o[1]] for name, found in objects.items()}


def small_folder(folder):
    write_folder(folder, {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}, [rectangle(1, 5, 5, 9, 9)])
    return folder


def test_coco_to_coco_changes_nothing(twenty, tmp_path):
    report = convert(twenty, tmp_path / "new", "coco", "coco")
    assert not report.losses
    for split in ("train", "val"):
        old, new = (json.loads((f / f"{split}.json").read_text()) for f in (twenty, tmp_path / "new"))
        for content in (old, new):
            content["annotations"] = {row["id"]: row for row in content["annotations"]}
        assert new == old
        assert len(load_coco(tmp_path / "new", split, "refuse").records) == report.images[split] == 10


@pytest.mark.parametrize("name", EXACT)
def test_real_masks_come_back_pixel_by_pixel(twenty, expected, tmp_path, name):
    report = convert(twenty, tmp_path / "there", "coco", name)
    convert(tmp_path / "there", tmp_path / "back", name, "coco")
    received = READERS["coco"](tmp_path / "back")
    source, _, expected = expected
    assert [c.name for c in received.categories.values()] == [c.name for c in source.categories.values()]
    received = objects_of(received)
    assert set(received) == set(expected)
    for key, objects in expected.items():
        assert [o[0] for o in received[key]] == [o[0] for o in objects]
        for (*_, mask), (*_, other) in zip(received[key], objects, strict=True):
            np.testing.assert_array_equal(mask, other, key)
    assert sum(report.objects.values()) == sum(map(len, expected.values()))
    assert report.losses["crowd regions left out"].count == 13


@pytest.mark.parametrize("name", PIXELS)
def test_real_masks_come_back_but_for_what_others_cover(twenty, expected, tmp_path, name):
    report = convert(twenty, tmp_path / "there", "coco", name)
    convert(tmp_path / "there", tmp_path / "back", name, "coco")
    received = objects_of(READERS["coco"](tmp_path / "back"))
    expected = expected[1 if name == "masks" else 2]
    covered = 0
    for key, objects in expected.items():
        assert [o[:2] for o in received[key]] == [o[:2] for o in objects]
        all_pixels = [np.any([mask for *_, mask in found], axis=0) for found in (received[key], objects)]
        np.testing.assert_array_equal(*all_pixels)
        for (*_, mask), (*_, other) in zip(received[key], objects, strict=True):
            assert not (mask & ~other).any()
            covered += int((mask != other).any())
    assert covered == report.losses["objects covered in part by others"].count > 0


def test_a_chain_through_all_formats_keeps_what_all_can_hold(tmp_path):
    small_folder(tmp_path / "coco")
    source = tmp_path / "coco"
    formats = ["coco", *sorted(set(WRITERS) - {"coco"}), "coco"]
    for number, (old, new) in enumerate(itertools.pairwise(formats)):
        convert(source, tmp_path / str(number), old, new)
        source = tmp_path / str(number)
    old, new = objects_of(READERS["coco"](tmp_path / "coco")), objects_of(READERS["coco"](source))
    assert list(new) == list(old)
    np.testing.assert_array_equal(new["train/a.png"][0][2], old["train/a.png"][0][2])


def test_images_are_linked_or_copied_with_the_same_bytes(tmp_path):
    source = small_folder(tmp_path / "old") / "images" / "a.png"
    for link in (True, False):
        target = tmp_path / f"link {link}"
        convert(tmp_path / "old", target, "coco", "yolo", link=link)
        image = target / "images" / "train" / "a.png"
        assert image.read_bytes() == source.read_bytes()
        assert os.path.samefile(image, source) == link


def test_progress_goes_up_to_all_images(tmp_path):
    seen = []
    convert(
        small_folder(tmp_path / "old"),
        tmp_path / "new",
        *("coco", "masks"),
        progress=lambda *done: seen.append(done),
    )
    assert seen == [(1, 2), (2, 2)]


def test_losses_of_reading_and_writing_are_told_together(tmp_path):
    small_folder(tmp_path / "old")
    (tmp_path / "old" / "captions.json").write_text("{}")
    report = convert(tmp_path / "old", tmp_path / "new", "coco", "masks")
    assert set(kinds(report.losses)) >= {"annotation files left out", "polygons, now pixels"}


def test_an_empty_folder_is_filled_and_nothing_else_is_left(tmp_path):
    (tmp_path / "new").mkdir()
    convert(small_folder(tmp_path / "old"), tmp_path / "new", "coco", "voc")
    assert sorted(os.listdir(tmp_path)) == ["new", "old"]


def test_what_fails_leaves_nothing(tmp_path):
    write_folder(tmp_path / "old", {"a.png": (HEIGHT, WIDTH), "a.bmp": (HEIGHT, WIDTH)})
    with pytest.raises(ValueError, match="expected image names that differ"):
        convert(tmp_path / "old", tmp_path / "new", "coco", "yolo")
    assert os.listdir(tmp_path) == ["old"]


@pytest.fixture
def faulty(tmp_path):
    """A COCO folder: a.png with a sound and a broken object, b.png that is no image."""
    objects = [rectangle(1, 5, 5, 9, 9), {**rectangle(1, 5, 5, 9, 9), "segmentation": [[1, 2, 3, 4]]}]
    write_folder(tmp_path / "old", {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}, objects)
    (tmp_path / "old" / "images" / "b.png").write_bytes(b"no image")
    return tmp_path / "old"


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_what_is_malformed_is_left_out_and_the_rest_goes_on(faulty, tmp_path, name):
    report = convert(faulty, tmp_path / "new", "coco", name)
    assert report.losses.left_out.counts == "1 image, 1 object"
    assert (report.images, report.objects) == ({"train": 1}, {"train": 1})
    assert [len(found) for found in objects_of(READERS[name](tmp_path / "new")).values()] == [1]


def twice(folder, name):
    """Says a second time what a folder of format `name` says of a.png."""
    if name in ("coco", "masks"):
        file = folder / {"coco": "train.json", "masks": "instances.json"}[name]
        content = json.loads(file.read_text())
        content["images"].append(content["images"][0])
        file.write_text(json.dumps(content))
    elif name == "cvat":
        text = (folder / "annotations.xml").read_text()
        image = text[text.index("<image") : text.index("</image>")] + "</image>"
        (folder / "annotations.xml").write_text(text.replace(image, 2 * image))
    elif name == "voc":
        (file,) = folder.rglob("train.txt")
        file.write_text(f"a\n{file.read_text()}")
    else:
        text = (folder / "data.yaml").read_text()
        (folder / "data.yaml").write_text(text.replace("images/train", "[images/train, images/train]"))


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"labelme"}))  # where a file is an image
def test_an_image_that_is_named_twice_is_taken_once(tmp_path, name):
    convert(small_folder(tmp_path / "old"), tmp_path / "once", "coco", name)
    twice(tmp_path / "once", name)
    report = convert(tmp_path / "once", tmp_path / "new", name, "labelme")
    assert (report.images, report.objects) == ({"train": 2}, {"train": 1})
    first = report.losses.left_out.images[0]
    assert re.fullmatch("train: expected each image once. Received: '(train/)?a.png' again", first)
    with pytest.raises(ValueError, match="as --strict asks"):
        convert(tmp_path / "once", tmp_path / "strict", name, "labelme", strict=True)


def test_strict_refuses_what_is_malformed_and_leaves_nothing(faulty, tmp_path):
    with pytest.raises(ValueError) as caught:
        convert(faulty, tmp_path / "new", "coco", "yolo", strict=True)
    start = f"{faulty}: expected nothing malformed, as --strict asks. Received: 1 image, 1 object malformed: "
    assert str(caught.value).startswith(start)
    assert "b.png: expected an image" in str(caught.value) and "annotation 2: " in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["old"]
    convert(small_folder(tmp_path / "sound"), tmp_path / "new", "coco", "yolo", strict=True)


@pytest.mark.parametrize("kept", ["an image without objects", "none"])
def test_where_all_is_malformed_nothing_is_written(faulty, tmp_path, kept):
    content = json.loads((faulty / "train.json").read_text())
    content["annotations"] = content["annotations"][1:]
    (faulty / "train.json").write_text(json.dumps(content))
    if kept == "none":
        (faulty / "images" / "a.png").unlink()
    with pytest.raises(ValueError, match="expected something that is not malformed. Received: "):
        convert(faulty, tmp_path / "new", "coco", "coco")
    assert sorted(os.listdir(tmp_path)) == ["old"]


def test_folders_and_formats_are_checked_first(tmp_path):
    old = small_folder(tmp_path / "old")
    for arguments, message in (
        (("coco", "sbd"), r"--to must be one of coco, cvat, labelme, masks, voc, yolo. Received: 'sbd'"),
        (
            ("csv", "coco"),
            r"--from must be one of coco, cvat, labelme, masks, sbd, voc, yolo. Received: 'csv'",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            convert(old, tmp_path / "new", *arguments)
    with pytest.raises(FileNotFoundError, match="The source must be a folder"):
        convert(tmp_path / "none", tmp_path / "new", "coco", "yolo")
    with pytest.raises(ValueError, match="The target must be a new or an empty folder"):
        convert(old, old, "coco", "yolo")
    with pytest.raises(ValueError, match="The target must be a folder outside the source"):
        convert(old, old / "new", "coco", "yolo")
