"""Serialized examples: reading undoes writing, and Model Garden reads and writes the same."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.shards.tf_example import has_objects, read_details, read_example, write_example


def serialized(record, labels):
    return write_example(record, Path(record.path).read_bytes(), Path(record.path).name, labels)


def features(example):
    """Name -> values of a tf.train.Example."""
    parsed = tf.train.Example.FromString(example).features.feature
    return {name: list(getattr(f, f.WhichOneof("kind")).value) for name, f in parsed.items()}


def assert_equal_examples(example, expected):
    assert example.keys() == expected.keys()
    for name, value in expected.items():
        assert (
            example[name].dtype == value.dtype and example[name].shape.as_list() == value.shape.as_list()
        ), name
        assert_array_equal(*(tf.nest.flatten(v, expand_composites=True)[0] for v in (example[name], value)))
    assert example["flips"].to_list() == expected["flips"].to_list()


def assert_reading_undoes_writing(data, count):
    source = data.source()
    for number, record in enumerate(data.records[:count]):
        example = read_example(serialized(record, data.labels), list(data.labels), has_flips=True)
        assert_equal_examples(example, source.read(number))


@pytest.fixture(scope="module")
def data(mixed_data):
    return load_coco(mixed_data, "train")


def test_reading_undoes_writing(data):
    assert_reading_undoes_writing(data, 4)


def test_reading_undoes_writing_of_real_images(shared_data):
    assert_reading_undoes_writing(load_coco(shared_data / "coco100", "val"), 5)


def test_without_flips_the_masks_are_read_from_their_pngs(data):
    for number in range(4):
        example = serialized(data.records[number], data.labels)
        assert_equal_examples(read_example(example, list(data.labels), False), data.source().read(number))


def test_details_are_what_the_annotations_say(data):
    record = data.records[0]
    details = read_details(serialized(record, data.labels))
    assert details["file_name"] == b"00.png" and details["source_id"] == b"1"
    exact = details["exact"].numpy().reshape(-1, 5)
    assert_array_equal(
        exact[:, :4], [[0, 0, 60, 40], [48.5, 7, 12.25, 20.125], [5, 5, 11, 12], [10, 0, 2, 40]]
    )
    assert_array_equal(exact[:, 4], [2400, 12.25 * 20.125, 77.7, 80])
    assert_array_equal(details["areas"], np.float32(exact[:, 4]))


def test_an_image_without_objects_has_no_features_of_objects(data):
    assert [bool(has_objects(serialized(record, data.labels))) for record in data.records[:3]] == [1, 1, 0]
    names = features(serialized(data.records[2], data.labels))
    assert [name for name in names if "object" in name] == []


@pytest.mark.parametrize("number, name", [(0, b"png"), (1, b"jpg")])
def test_the_format_is_that_of_the_bytes_which_stay_as_they_are(number, name, data):
    found = features(serialized(data.records[number], data.labels))
    assert found["image/format"] == [name]
    assert found["image/encoded"] == [Path(data.records[number].path).read_bytes()]


# TensorFlow Model Garden


def bitmap(runs, height, width):
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(width, height).T


@pytest.fixture(scope="module")
def decoder():
    module = pytest.importorskip("official.vision.dataloaders.tf_example_decoder")
    return module.TfExampleDecoder(include_mask=True)


@pytest.mark.parametrize("number", [0, 2])
def test_garden_decodes_what_we_write(number, data, decoder):
    record = data.records[number]
    decoded = decoder.decode(tf.constant(serialized(record, data.labels)))
    assert decoded["source_id"] == str(number + 1).encode()
    assert decoded["image"].shape == (40, 60, 3) and (decoded["height"], decoded["width"]) == (40, 60)
    assert_array_equal(decoded["groundtruth_boxes"], record.boxes[:, [1, 0, 3, 2]])
    assert_array_equal(decoded["groundtruth_classes"], np.array(list(data.labels))[record.classes])
    assert_array_equal(decoded["groundtruth_is_crowd"], record.is_crowd)
    assert_array_equal(decoded["groundtruth_area"], record.areas.astype("float32"))
    masks = np.reshape([bitmap(runs, 40, 60) for runs in record.runs], (-1, 40, 60))
    assert_array_equal(decoded["groundtruth_instance_masks"], masks)


def without_the_box_beyond_the_image(record):
    """Garden's converter leaves it out."""
    kept = [0, 2, 3]
    arrays = {n: getattr(record, n)[kept] for n in ("boxes", "classes", "is_crowd", "areas", "xywh")}
    return replace(record, **arrays, runs=tuple(record.runs[i] for i in kept))


def test_garden_writes_the_same(data, mixed_data):
    converter = pytest.importorskip("official.vision.data.create_coco_tf_record")
    content = json.loads((mixed_data / "train.json").read_text())
    records = without_the_box_beyond_the_image(data.records[0]), data.records[1], data.records[2]
    for image, record in zip(content["images"][:3], records, strict=True):
        annotations = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        example, _ = converter.create_tf_example(
            image, [mixed_data / "images"], None, annotations, data.labels, include_masks=True
        )
        theirs, ours = features(example.SerializeToString()), features(serialized(record, data.labels))
        added = {"yolact/boxes_and_areas", "yolact/flips"} if len(record.runs) else set()
        assert set(ours) - set(theirs) == added
        ours = {name: ours[name] for name in theirs}
        theirs["image/format"] = ours["image/format"]  # always jpg
        if len(record.runs):
            theirs_masks, masks = (f.pop("image/object/mask") for f in (theirs, ours))
            for one, other in zip(theirs_masks, masks, strict=True):
                assert_array_equal(tf.io.decode_png(one), tf.io.decode_png(other))
        assert ours == theirs


def test_masks_are_those_of_the_annotations(shared_data):
    """Through COCO's own tools and Garden's decoder."""
    decode = (
        pytest.importorskip("official.vision.dataloaders.tf_example_decoder").TfExampleDecoder(True).decode
    )
    data = load_coco(shared_data / "coco100", "val")
    content = json.loads(data.annotation_file.read_text())
    for record in data.records[:2]:
        masks = decode(tf.constant(serialized(record, data.labels)))["groundtruth_instance_masks"]
        annotations = [a for a in content["annotations"] if a["image_id"] == record.image_id]
        for mask, annotation in zip(masks, annotations, strict=True):
            rle = coco_mask.frPyObjects(annotation["segmentation"], record.height, record.width)
            if isinstance(rle, list):
                rle = coco_mask.merge(rle)
            assert_array_equal(mask, coco_mask.decode(rle))
