import os

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.data.convert.made import objects_of
from tests.detect.test_annotations import LABELS, with_holes
from tests.detect.test_detections import SIZE, THREE
from yolact_tf.data.convert import READERS, WRITERS
from yolact_tf.data.load import load_data
from yolact_tf.detect.sinks.data_set_folder import DataSetFolder
from yolact_tf.detect.sources import Frame, Still

Y, X = np.mgrid[: SIZE[0], : SIZE[1]]
IMAGE = np.stack([3 * X, 4 * Y, X + Y], -1).astype("uint8")


def still(folder, name, image=IMAGE, **options):
    """A Frame of an image file, which is written."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, **options)
    return Frame(image, name, 1, Still(str(path), name))


def of_video(number):
    """A Frame of a video that is no image file."""
    return Frame(IMAGE, "clip.mp4", number, Still("clip.mp4", "clip.mp4"), seconds=number / 25)


def written(folder, format_name, frames, labels=LABELS):
    """A folder that holds the frames, with what was found in each."""
    with DataSetFolder(folder, format_name, labels) as sink:
        for frame, found in frames:
            sink.add(frame, found)
        assert not folder.exists()  # not before it is whole
    return folder


@pytest.mark.parametrize("format_name", WRITERS)
def test_our_own_readers_find_the_masks_that_were_found(format_name, tmp_path):
    frames = [(still(tmp_path, "a.png"), with_holes()), (still(tmp_path, "b.png"), THREE.disjoint())]
    data_set = READERS[format_name](written(tmp_path / "out", format_name, frames))
    received = objects_of(data_set)
    assert list(received) == ["train/a.png", "train/b.png"] and not data_set.losses.left_out
    for objects, (_, found) in zip(received.values(), frames, strict=True):
        assert [name for name, *_ in objects] == list(found.class_names)
        for (*_, is_crowd, mask), expected in zip(objects, found.masks, strict=True):
            assert not is_crowd
            assert_array_equal(mask, expected)


@pytest.mark.parametrize("format_name", ["yolo", "labelme", "coco"])
def test_images_are_those_that_were_looked_at(format_name, tmp_path):
    frames = [(still(tmp_path, "sub/a.png"), THREE), (of_video(7), THREE[:0]), (of_video(12), THREE)]
    (pictures,) = READERS[format_name](written(tmp_path / "out", format_name, frames)).splits.values()
    names = {picture.name: picture for picture in pictures}
    assert set(names) == {"sub/a.png", "clip_000007.jpg", "clip_000012.jpg"}
    assert os.path.samefile(names["sub/a.png"].source, tmp_path / "sub/a.png")
    assert not names["clip_000007.jpg"].instances
    frame = np.asarray(Image.open(names["clip_000012.jpg"].source)).astype(int)
    assert frame.shape == IMAGE.shape and np.abs(frame - IMAGE).mean() < 3
    assert not list(tmp_path.glob(".*"))


def test_coco_keeps_ids_scores_and_trains(tmp_path):
    folder = written(tmp_path / "out", "coco", [(still(tmp_path, "a.png"), THREE)])
    (picture,) = READERS["coco"](folder).splits["train"]
    assert [instance.extra["score"] for instance in picture.instances] == pytest.approx([0.9, 0.5, 0.1])
    data = load_data(folder, "train")
    assert data.labels == LABELS and data.num_images == 1


def test_upright_masks_fit_files_that_are_stored_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    frame = still(tmp_path, "a.jpg", np.ascontiguousarray(IMAGE.transpose(1, 0, 2)), exif=exif)
    folder = written(tmp_path / "out", "coco", [(frame._replace(image=IMAGE), THREE)])
    (picture,) = READERS["coco"](folder).splits["train"]
    assert (picture.width, picture.height) == SIZE[::-1]
    ((_, _, first), *_) = objects_of(READERS["coco"](folder))["train/a.jpg"]
    assert_array_equal(first, THREE.masks[0])


def test_files_that_differ_by_their_endings_get_names_of_their_own(tmp_path):
    frames = [(still(tmp_path, f"a.{ending}"), THREE) for ending in ("png", "jpg", "bmp")]
    (pictures,) = READERS["yolo"](written(tmp_path / "out", "yolo", frames)).splits.values()
    assert {picture.name for picture in pictures} == {"a.png", "a_2.jpg", "a_3.bmp"}


def test_what_other_tools_do_not_open_becomes_png(tmp_path):
    frames = [(still(tmp_path, "a.tiff"), THREE)]
    (pictures,) = READERS["yolo"](written(tmp_path / "out", "yolo", frames)).splits.values()
    assert [picture.name for picture in pictures] == ["a.png"]
    assert_array_equal(np.asarray(Image.open(pictures[0].source)), IMAGE)


def test_what_a_format_does_not_hold_is_said(tmp_path, caplog):
    with caplog.at_level("WARNING"):
        written(tmp_path / "out", "yolo", [(still(tmp_path, "a.png"), with_holes())])
    (line,) = [record.getMessage() for record in caplog.records]
    assert "out does not hold: " in line and "objects of several outlines, now tied by seams" in line


def test_names_that_a_format_cannot_tell_apart_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="needs names that differ"):
        DataSetFolder(tmp_path / "out", "labelme", {5: "cat", 6: "cat"})


def test_what_was_found_until_an_error_is_kept(tmp_path):
    folder, frame = tmp_path / "out", still(tmp_path, "a.png")
    with pytest.raises(KeyboardInterrupt), DataSetFolder(folder, "yolo", LABELS) as sink:
        sink.add(frame, THREE)
        raise KeyboardInterrupt
    (pictures,) = READERS["yolo"](folder).splits.values()
    assert len(pictures) == 1


def test_nothing_looked_at_leaves_nothing(tmp_path):
    with DataSetFolder(tmp_path / "out", "yolo", LABELS):
        pass
    assert list(tmp_path.iterdir()) == []
