"""Folders of shards, ours and those of others: what they hold, and that they evaluate as JSON does."""

import json
import shutil

import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from tests.coco_folder import write_annotations
from tests.data.conftest import NUM_PICTURES
from tests.evaluate.test_average_precision import imperfect_results
from yolact_tf.data.load import load_data, load_labels
from yolact_tf.data.shards.manifest import load_shards
from yolact_tf.data.shards.writer import write_records
from yolact_tf.evaluate.average_precision import coco_metrics

LABELS = {3: "drei ü", 7: "seven", 90: "unused"}
OURS = ("yolact/flips", "yolact/boxes_and_areas")


def foreign(shards, out, without=OURS):
    """The val shards as others would have made them: under another name, bare, without some features."""
    out.mkdir()
    for path in shards.glob("val-*.tfrecord"):
        with tf.io.TFRecordWriter(str(out / f"coco_{path.name.replace('val-', 'val2017-')}")) as writer:
            for serialized in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
                example = tf.train.Example.FromString(serialized)
                for name in without:
                    example.features.feature.pop(name, None)
                writer.write(example.SerializeToString())
    return out


@pytest.fixture(scope="module")
def others(mixed_shards, tmp_path_factory):
    return foreign(mixed_shards, tmp_path_factory.mktemp("others") / "shards")


@pytest.fixture
def copy(mixed_shards, tmp_path):
    """A copy of the val shards, to be damaged."""
    names = lambda folder, found: [name for name in found if name.startswith("train")]
    return shutil.copytree(mixed_shards, tmp_path / "copy", ignore=names)


def test_shards_hold_what_json_holds(mixed_data, mixed_shards):
    shards, data = load_data(mixed_shards, "train"), load_data(mixed_data, "train")
    assert (shards.num_images, shards.num_with_objects) == (NUM_PICTURES, NUM_PICTURES - 1)
    assert shards.labels == data.labels == load_labels(mixed_shards) == LABELS
    for record, expected in zip(shards.records, data.records, strict=True):
        assert record.path == expected.path.removeprefix(f"{mixed_data}/images/")
        for name in ("image_id", "height", "width"):
            assert getattr(record, name) == getattr(expected, name)
        for name in ("boxes", "classes", "is_crowd"):
            assert_array_equal(getattr(record, name), getattr(expected, name))
        assert [runs.tolist() for runs in record.runs] == [runs.tolist() for runs in expected.runs]
        assert_array_equal(record.read_image(), expected.read_image())


def test_boxes_and_areas_come_back_to_the_last_digit(mixed_data, mixed_shards):
    expected = load_data(mixed_data, "val").records
    for record, other in zip(load_data(mixed_shards, "val").records, expected, strict=True):
        assert_array_equal(record.xywh, other.xywh)
        assert_array_equal(record.areas, other.areas)


def test_average_precision_equals_that_of_json(mixed_data, mixed_shards, others):
    data = load_data(mixed_data, "val")
    results = imperfect_results(data)
    expected = coco_metrics(data, results)
    assert 0 < expected["segm"]["AP"] < 1
    assert coco_metrics(load_data(mixed_shards, "val"), results) == expected
    labels = {category: name for category, name in LABELS.items() if name != "unused"}
    theirs = load_data(others, "val")
    assert theirs.labels == labels == load_labels(others, "val")
    # Boxes of others are float32.
    for kind in ("bbox", "segm"):
        assert coco_metrics(theirs, results)[kind]["AP"] == pytest.approx(expected[kind]["AP"], abs=1e-3)


def test_average_precision_of_real_images_equals_that_of_json(shared_data, tmp_path):
    data = load_data(shared_data / "coco100", "val")
    content = json.loads(data.annotation_file.read_text())
    content["images"] = content["images"][:12]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] in kept]
    (tmp_path / "data").mkdir()
    write_annotations(tmp_path / "data", content, "val")
    (tmp_path / "data" / "images").symlink_to(shared_data / "coco100" / "images")
    write_records(tmp_path / "data", tmp_path / "shards", ["val"])
    data = load_data(tmp_path / "data", "val")
    results = imperfect_results(data)
    expected = coco_metrics(data, results)
    assert coco_metrics(load_data(tmp_path / "shards", "val"), results) == expected
    metrics = coco_metrics(load_data(foreign(tmp_path / "shards", tmp_path / "others"), "val"), results)
    for kind in ("bbox", "segm"):
        for name, value in metrics[kind].items():
            assert value == pytest.approx(expected[kind][name], abs=1e-4), (kind, name)


# Shards of others


@pytest.mark.parametrize("without, has_flips", [(OURS, False), ((), True)])
def test_shards_of_others_are_read_through_once(
    without, has_flips, mixed_data, mixed_shards, tmp_path, caplog
):
    data = load_data(foreign(mixed_shards, tmp_path / "others", without), "val")
    assert (data.has_flips, data.images, data.num_with_objects) == (has_flips, (8, 8, 8), NUM_PICTURES - 1)
    (logged,) = [record.getMessage() for record in caplog.records]
    assert logged == f"{tmp_path}/others/val-*.tfrecord: no manifest, so that 3 shards are read through once"
    expected = load_data(mixed_data, "val").records
    for record, other in zip(data.records, expected, strict=True):
        assert record.image_id == other.image_id
        assert [runs.tolist() for runs in record.runs] == [runs.tolist() for runs in other.runs]


def test_labels_beside_them_count(others, tmp_path):
    folder = shutil.copytree(others, tmp_path / "labelled")
    (folder / "labels.json").write_text(json.dumps({"90": "unused", "7": "sieben", "3": "drei"}))
    assert load_data(folder, "val").labels == {3: "drei", 7: "sieben", 90: "unused"}
    (folder / "labels.json").write_text(json.dumps({"3": "drei"}))
    with pytest.raises(ValueError, match=r"expected the categories of labels.json. Received: \[7\]"):
        load_data(folder, "val")
    (folder / "labels.json").write_text("[1]")
    with pytest.raises(ValueError, match="labels.json: expected category ids and their names"):
        load_data(folder, "val")


def test_features_that_may_be_absent_have_the_decoders_defaults(mixed_shards, tmp_path):
    absent = ("image/object/is_crowd", "image/object/area", "image/object/class/text", "image/source_id")
    data = load_data(foreign(mixed_shards, tmp_path / "others", (*OURS, *absent)), "val")
    assert data.labels == {3: "class 3", 7: "class 7"}
    record = next(data.records)
    assert record.image_id == 0 and not record.is_crowd.any()
    assert record.areas == pytest.approx([2400, 12.25 * 20.125, 132, 80], rel=1e-5)


def test_objects_without_masks_are_refused(mixed_shards, tmp_path):
    folder = foreign(mixed_shards, tmp_path / "others", (*OURS, "image/object/mask"))
    with pytest.raises(
        ValueError, match=r"include_masks writes them. Received: 0 masks of 4 objects in image 1"
    ):
        load_data(folder, "val")


# What is wrong with a folder


def test_a_missing_shard_is_named(copy):
    (copy / "val-00001-of-00003.tfrecord").unlink()
    with pytest.raises(
        FileNotFoundError, match="expected val-00001-of-00003.tfrecord among the 3 shards of 'val'"
    ):
        load_data(copy, "val")


def test_a_damaged_shard_is_refused_in_one_line(copy):
    path = copy / "val-00001-of-00003.tfrecord"
    path.write_bytes(path.read_bytes()[:-20])
    data = load_data(copy, "val")
    with pytest.raises(ValueError, match=r"val-\*.tfrecord: expected whole shards. Received: (.*)") as caught:
        list(data.records)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="expected whole shards"):
        data.source("memory")


@pytest.mark.parametrize(
    "manifest, message",
    [
        ('{"version": 2, "request": {}}', "expected finished shards. Received: the begun ones"),
        ('{"version": 9}', "expected a manifest of version 2. Received: 9"),
        ("no JSON", "expected a manifest of version 2. Received: something else"),
        ('{"version": 2, "images": [1, 2], "images_with_objects": 3}', "and 2 shards. Received: 3 shards"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(manifest, message, copy):
    (copy / "val-shards.json").write_text(manifest)
    with pytest.raises(ValueError, match=message):
        load_data(copy, "val")


def test_two_sets_of_shards_are_refused(copy, others):
    (copy / "val-shards.json").unlink()
    for path in others.iterdir():
        shutil.copy(path, copy)
    message = "expected one set of shards of 'val'. Received: coco_val2017-.-of-00003, val-.-of-00003"
    with pytest.raises(ValueError, match=message):
        load_data(copy, "val")


def test_folders_without_the_split_say_what_they_hold(copy, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"expected \*test\*-00000-of-\*.tfrecord. Received: labels.json, val-"
    ):
        load_data(copy, "test")
    with pytest.raises(
        FileNotFoundError, match="Expected a folder. Received: 'ram://nowhere', which is none"
    ):
        load_data("ram://nowhere", "train")
    with pytest.raises(
        FileNotFoundError, match="'nope://x', which cannot be opened: File system scheme 'nope'"
    ):
        load_data("nope://x", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="Received: an empty folder"):
        load_shards(tmp_path / "empty", "train")


def test_json_beside_shards_comes_first(copy, mixed_data):
    shutil.copy(mixed_data / "val.json", copy)
    shutil.copytree(mixed_data / "images", copy / "images")
    assert load_data(copy, "val").origin == f"{copy}/val.json"
