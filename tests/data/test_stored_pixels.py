"""A set annotated in pixels as stored is the set annotated upright, to training and every tool."""

import json
import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from pycocotools import mask as coco_mask

from tests.coco_folder import THING, write_annotations
from tests.data.convert.made import kinds, objects_of
from tests.evaluate.test_average_precision import pycocotools_stats
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.coco.turning import told_frames
from yolact_tf.data.convert import READERS, convert
from yolact_tf.data.convert.upright import TURNED
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.repair import repair
from yolact_tf.data.load import load_data
from yolact_tf.data.shards.writer import write_records
from yolact_tf.detect.detections import Detections
from yolact_tf.evaluate.average_precision import coco_metrics, evaluate
from yolact_tf.evaluate.coco_numbers import STATS
from yolact_tf.images.decoding import decode_image
from yolact_tf.images.orientation import TAG, turn

HEIGHT, WIDTH = 40, 64  # as stored
ORIENTATIONS = {"a.jpg": 5, "b.jpg": 6, "c.jpg": 7, "d.jpg": 8, "e.jpg": 1}


def masks_of(number):
    """Two masks [H, W] of stored pixels, the first without any symmetry."""
    first, second = np.zeros((2, HEIGHT, WIDTH), bool)
    first[3:20, 4 + number : 30] = True
    first[3:8, 4 + number : 12] = False
    second[25:36, 40:60] = True
    return first, second


def annotation(mask, image_id, number):
    rle = coco_mask.encode(np.asfortranarray(mask, "uint8"))
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "iscrowd": 0,
        "area": int(mask.sum()),
        "bbox": coco_mask.toBbox(rle).tolist(),
        "segmentation": {"size": list(mask.shape), "counts": rle["counts"].decode()},
    }


def content_of(is_stored):
    images, annotations = [], []
    for image_id, (name, orientation) in enumerate(ORIENTATIONS.items(), 1):
        masks = [m if is_stored else turn(m, orientation) for m in masks_of(image_id)]
        height, width = masks[0].shape
        images.append({"id": image_id, "file_name": name, "width": width, "height": height})
        annotations += [annotation(m, image_id, 2 * image_id + i) for i, m in enumerate(masks)]
    return {"images": images, "annotations": annotations, "categories": list(THING)}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """(folder of annotations as stored, folder of upright ones), with the same images."""
    stored, upright = (tmp_path_factory.mktemp(name) for name in ("stored", "upright"))
    write_set(stored, is_stored=True)
    write_set(upright, is_stored=False)
    return stored, upright


def write_set(folder, is_stored):
    """Writes images that EXIF turns, annotated in one of the two ways, into a folder that is there."""
    (folder / "images").mkdir()
    noise = np.random.default_rng(0)
    for name, orientation in ORIENTATIONS.items():
        exif = Image.Exif()
        exif[TAG] = orientation
        pixels = noise.integers(0, 256, (HEIGHT, WIDTH, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / "images" / name, exif=exif)
    for split in ("train", "val"):
        write_annotations(folder, content_of(is_stored), split)


def assert_same_records(received, expected):
    for one, other in zip(received, expected, strict=True):
        assert (one.image_id, one.height, one.width) == (other.image_id, other.height, other.width)
        assert_array_equal(one.xywh, other.xywh)
        assert_array_equal(one.boxes, other.boxes)
        assert_array_equal(one.areas, other.areas)
        for runs, others in zip(one.runs, other.runs, strict=True):
            assert_array_equal(runs, others)


def test_the_loader_reads_the_same_and_says_so_once(folders, caplog):
    stored, upright = folders
    with caplog.at_level(logging.WARNING):
        received = load_coco(stored, "train", "refuse")
        expected = load_coco(upright, "train", "refuse")
    assert_same_records(received.records, expected.records)
    assert [r.turned for r in received.records] == [5, 6, 7, 8, 1]
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        f"{stored}/train.json: the annotations of 4 images, {stored}/images/a.jpg first, are of the pixels "
        "as stored, and turned with the image by its EXIF orientation"
    )


def without_sizes(content, as_polygons):
    """COCO content whose images say no size, or but their height, and whose masks may be rectangles."""
    images = [{k: v for k, v in image.items() if k not in ("width", "height")} for image in content["images"]]
    images[1]["height"] = content["images"][1]["height"]
    annotations = [dict(a) for a in content["annotations"]]
    for a in annotations if as_polygons else ():
        x, y, w, h = a["bbox"]
        a["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
    return {**content, "images": images, "annotations": annotations}


@pytest.mark.parametrize(
    "mask", [5, "", None, {}, {"size": 3}, [None], [[]], [["x", 2]], [[1, 2, 3]], [[70, 1, 75, 1]]]
)
@pytest.mark.parametrize("box", [None, 7, [], ["1", 2, 3, 4], [1, 2, 3]])
def test_annotations_that_are_malformed_tell_of_frames_or_do_not(mask, box):
    frames = told_frames([{"segmentation": mask, "bbox": box}], (40, 64), (64, 40))
    assert frames in ([(40, 64), (64, 40)], [])


@pytest.mark.parametrize("as_polygons", [True, False])
@pytest.mark.parametrize("is_stored", [True, False])
def test_annotations_tell_their_frame_where_no_size_does(is_stored, as_polygons, folders, tmp_path):
    content = without_sizes(content_of(is_stored), as_polygons)
    (tmp_path / "images").symlink_to(folders[0] / "images")
    write_annotations(tmp_path, content)
    records = load_coco(tmp_path, "train", "refuse").records
    turns = [record.turned for record in records]
    assert turns == ([5, 6, 7, 8, 1] if is_stored else [1] * 5)
    expected = load_coco(folders[1], "train").records
    for record, other in zip(records, expected, strict=True):
        assert_array_equal(record.xywh, other.xywh)


def test_where_nothing_tells_the_frame_it_is_upright_and_noted(folders, tmp_path):
    content = without_sizes(content_of(is_stored=False), as_polygons=True)
    content["annotations"] = content["annotations"][4:5]  # near the corner of an image of either frame
    content["annotations"][0]["bbox"] = [1, 1, 9, 9]
    (tmp_path / "images").symlink_to(folders[0] / "images")
    write_annotations(tmp_path, content)
    (note,) = [p for p in check(tmp_path) if p.kind == "orientation untold"]
    assert note.severity == "note" and note.count == 1
    assert note.message == "image 3: EXIF orientation 7, and no size; annotations count as upright"


def test_the_pipeline_gets_masks_that_lie_on_their_pixels(folders):
    source = load_data(folders[0], "train").source()
    for number, orientation in enumerate(ORIENTATIONS.values()):
        example = source.read(number)
        height, width = example["image_size"].numpy()
        assert decode_image(example["encoded"]).shape == (height, width, 3)
        for mask, flips in zip(masks_of(number + 1), example["flips"], strict=True):
            expected = np.flatnonzero(np.diff(turn(mask, orientation).ravel(order="F"), prepend=False))
            assert_array_equal(flips, expected)


class Oracle:
    """Finds what the upright images of a split hold, in their order, every second object a little off."""

    def __init__(self, data):
        self.labels, self._records = data.labels, iter(data.records)

    def __call__(self, image):
        record = next(self._records)
        assert image.shape[:2] == (record.height, record.width)
        flat = [np.repeat(np.arange(len(runs)) % 2, runs) for runs in record.runs]
        masks = np.array(flat, "float32").reshape(-1, record.width, record.height).swapaxes(1, 2)
        x, y, width, height = record.xywh.T
        boxes = np.stack([x, y, x + width, y + height], 1).astype("float32")
        boxes[1::2, :2] += 3, 2
        scores = np.linspace(0.9, 0.5, len(boxes), dtype="float32")
        names = tuple(self.labels.values()) * len(boxes)
        return Detections(image.shape[:2], boxes, scores, record.classes + 1, names, masks)


def test_results_are_of_the_pixels_of_the_annotations(folders):
    stored, upright = folders
    metrics, results = evaluate(Oracle(load_data(upright, "val")), stored)
    expected, others = evaluate(Oracle(load_data(upright, "val")), upright)
    assert metrics == coco_metrics(load_data(stored, "val"), results) == expected
    assert 0.5 < metrics["segm"]["AP"] < 1 and len(results) == 10
    for row, other in zip(results, others, strict=True):
        size = [HEIGHT, WIDTH]
        assert row["segmentation"]["size"] == size and coco_mask.decode(row["segmentation"]).any()
        is_upright = row["image_id"] == 5
        assert (row == other) == is_upright
    for kind in ("bbox", "segm"):
        reference = pycocotools_stats(stored / "val.json", results, kind)
        for stat, value in zip(STATS, reference.stats, strict=True):
            assert metrics[kind][stat] == pytest.approx(value, abs=1e-9), (kind, stat)


def test_shards_hold_upright_annotations(folders, tmp_path):
    stored, upright = folders
    write_records(stored, tmp_path / "shards", ["val"], shards=1)
    assert_same_records(load_data(tmp_path / "shards", "val").records, load_data(upright, "val").records)


def test_fixing_writes_the_upright_form(folders, tmp_path):
    stored, _ = folders
    assert {(p.kind, p.severity) for p in check(stored) if "both splits" not in p.kind} == {
        ("annotations of stored pixels", "note")
    }
    done = repair(stored, tmp_path / "fixed")
    assert done == {"annotations of stored pixels turned upright, by image": 8}
    assert json.loads((tmp_path / "fixed" / "val.json").read_text()) == content_of(is_stored=False)
    assert not [p for p in check(tmp_path / "fixed") if p.kind == "annotations of stored pixels"]


@pytest.mark.parametrize("name", ["coco", "cvat", "labelme", "voc", "masks"])
def test_converters_turn_what_their_formats_have_of_stored_pixels(folders, name, tmp_path):
    stored, upright = folders
    # As a tool that passes over EXIF would write it: from images that have none, and these then put in place.
    plain = tmp_path / "plain"
    (plain / "images").mkdir(parents=True)
    write_annotations(plain, content_of(is_stored=True))
    for file in ORIENTATIONS:
        Image.new("RGB", (WIDTH, HEIGHT)).save(plain / "images" / file)
    convert(plain, tmp_path / name, "coco", name, link=False)
    for file in ORIENTATIONS:
        (path,) = (tmp_path / name).rglob(file)
        path.write_bytes((stored / "images" / file).read_bytes())
    received = READERS[name](tmp_path / name)
    expected = READERS["coco"](upright)
    assert not received.losses.left_out
    assert any(kind in received.losses for kind in (TURNED, "maps of stored pixels, now of upright ones"))
    received, expected = (
        {key.rpartition("/")[2]: value for key, value in objects_of(d).items() if key.startswith("train")}
        for d in (received, expected)
    )
    for file, objects in expected.items():
        by_size = lambda entry: entry[2].sum()
        pairs = zip(sorted(received[file], key=by_size), sorted(objects, key=by_size), strict=True)
        for (*_, mask), (*_, other) in pairs:
            assert_array_equal(mask, other, f"{name} {file}")


def test_a_conversion_counts_what_it_turned(folders, tmp_path):
    report = convert(folders[0], tmp_path / "out", "coco", "coco")
    assert kinds(report.losses)[TURNED] == 8
    converted = json.loads((tmp_path / "out" / "train.json").read_text())
    assert [i["width"] for i in converted["images"]] == [HEIGHT] * 4 + [WIDTH]
