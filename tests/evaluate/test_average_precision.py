import contextlib
import copy
import dataclasses
import io
import json
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import yolact_tf
from tests.blind import Blind
from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.coco.test_split import BROKEN_ANNOTATIONS
from yolact_tf.config import DataConfig
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.load import load_data
from yolact_tf.data.shards.writer import write_records
from yolact_tf.evaluate.average_precision import coco_metrics, evaluate, require_labels
from yolact_tf.evaluate.coco_numbers import STATS


def imperfect_results(data, seed=0):
    """The truth, shifted, rescored, relabelled, dropped and doubled at random, as COCO results."""
    rng = np.random.default_rng(seed)
    ids = list(data.labels)
    results = []
    for record in data.records:
        for class_index, runs in zip(record.classes, record.runs, strict=True):
            if rng.uniform() < 0.2:
                continue
            flat = np.repeat(np.arange(len(runs)) % 2, runs).astype("uint8")
            mask = flat.reshape(record.width, record.height).T
            for _ in range(rng.integers(1, 3)):
                shifted = np.roll(mask, rng.integers(-6, 7, 2), (0, 1))
                rle = coco_mask.encode(np.asfortranarray(shifted))
                wrong = rng.uniform() < 0.1
                results.append(
                    {
                        "image_id": record.image_id,
                        "category_id": int(rng.choice(ids)) if wrong else ids[class_index],
                        "score": float(rng.uniform()),
                        "bbox": coco_mask.toBbox(rle).tolist(),
                        "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
                    }
                )
    return results


def pycocotools_stats(annotation_file, results, kind):
    if kind == "segm":  # COCO's results of masks have no box: with one, its area is that of the mask
        results = [{key: value for key, value in row.items() if key != "bbox"} for row in results]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotation_file))
        evaluation = COCOeval(truth, truth.loadRes(results), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("name", ["coco100", "fruitnuts3"])
def test_numbers_equal_pycocotools(shared_data, name):
    data = load_coco(shared_data / name, "val")
    results = imperfect_results(data)
    before = copy.deepcopy(results)
    metrics = coco_metrics(data, results)
    assert results == before
    for kind in ("bbox", "segm"):
        reference = pycocotools_stats(data.annotation_file, results, kind)
        for stat, expected in zip(STATS, reference.stats, strict=True):
            assert metrics[kind][stat] == pytest.approx(expected, abs=1e-6), (kind, stat)
        precision = reference.eval["precision"][:, :, :, 0, -1]
        for k, class_name in enumerate(data.labels.values()):
            valid = precision[:, :, k][precision[:, :, k] > -1]
            expected = valid.mean() if valid.size else -1
            assert metrics["per_class"][class_name][kind] == pytest.approx(expected, abs=1e-6)
    assert 0 < metrics["segm"]["AP"] < 1


def test_an_annotation_with_the_id_0_can_be_found(shared_data, tmp_path):
    data = load_coco(shared_data / "fruitnuts3", "val")
    content = json.loads(Path(data.annotation_file).read_text())
    for number, annotation in enumerate(content["annotations"]):
        annotation["id"] = number
    renumbered = tmp_path / "val.json"
    renumbered.write_text(json.dumps(content))
    results = imperfect_results(data)
    expected = coco_metrics(data, results)
    assert coco_metrics(dataclasses.replace(data, annotation_file=renumbered), results) == expected


def test_boxes_are_ranked_by_score_and_masks_by_mask_score(shared_data):
    data = load_coco(shared_data / "fruitnuts3", "val")
    results = imperfect_results(data)
    rng = np.random.default_rng(1)
    rescored = [{**row, "mask_score": float(rng.uniform())} for row in results]
    as_score = [{**row, "score": row["mask_score"]} for row in rescored]
    plain, both = coco_metrics(data, results), coco_metrics(data, rescored)
    assert both["bbox"] == plain["bbox"]
    assert both["segm"] == coco_metrics(data, as_score)["segm"] != plain["segm"]


@pytest.mark.whole
def test_the_reference_protocol_is_added_where_asked_for(plus_run, shapes_data):
    detector = yolact_tf.Detector(yolact_tf.load_run(plus_run))
    metrics, _ = evaluate(detector, shapes_data, reference_protocol=True)
    assert list(metrics["reference"]["segm"]) == ["AP", *(f"AP{t}" for t in range(50, 100, 5))]
    seen = []
    plain, results = evaluate(detector, shapes_data, observe=lambda *of_image: seen.append(of_image))
    assert "reference" not in plain
    # Each image in turn, as its detections are counted.
    assert [record.image_id for record, _, _ in seen] == [100001, 100002, 100003, 100004]
    assert [image.shape for _, image, _ in seen] == [(128, 128, 3)] * 4
    assert sum(len(found) for _, _, found in seen) == len(results)


def perfect_results(data):
    """The objects of `data` as COCO results."""
    return [
        {
            "image_id": record.image_id,
            "category_id": list(data.labels)[c],
            "score": 1.0,
            "bbox": box.tolist(),
            "segmentation": coco_mask.frPyObjects(
                {"size": [record.height, record.width], "counts": runs.tolist()},
                record.height,
                record.width,
            ),
        }
        for record in data.records
        for box, c, runs in zip(record.xywh, record.classes, record.runs, strict=True)
    ]


def assert_scores_one(data):
    metrics = coco_metrics(data, perfect_results(data))
    assert metrics["bbox"]["AP"] == pytest.approx(1)
    assert metrics["segm"]["AP"] == pytest.approx(1)


def test_the_truth_scores_one(shapes_data):
    assert_scores_one(load_coco(shapes_data, "val"))


@pytest.mark.parametrize("name", BROKEN_ANNOTATIONS)
def test_what_loading_leaves_out_does_not_count(name, tmp_path):
    broken = {**rectangle(1, 5, 5, 10, 10), **BROKEN_ANNOTATIONS[name][0]}
    write_folder(tmp_path, {"a.png": (30, 40)}, [rectangle(1, 1, 1, 8, 8), broken], splits=("val",))
    data = load_data(tmp_path, "val")
    assert len(perfect_results(data)) == 1
    assert_scores_one(data)


def test_what_loading_leaves_out_does_not_count_in_shards_either(tmp_path):
    objects = [rectangle(1, 1, 1, 8, 8)]
    objects += [{**rectangle(1, 5, 5, 10, 10), **change} for change, _ in BROKEN_ANNOTATIONS.values()]
    write_folder(tmp_path / "data", {"a.png": (30, 40)}, objects, splits=("val",))
    write_records(tmp_path / "data", tmp_path / "shards", ["val"])
    data = load_data(tmp_path / "shards", "val")
    assert len(perfect_results(data)) == 1
    assert_scores_one(data)


def test_what_a_validation_set_may_hold_evaluates(shapes_run, shapes_data, tmp_path):
    """With a real detector: an annotation of a broken mask, one of no flag, an image id of text."""
    content = json.loads((shapes_data / "val.json").read_text())
    (tmp_path / "images").symlink_to(shapes_data / "images")
    detector = yolact_tf.Detector(yolact_tf.load_run(shapes_run))
    expected, rows = evaluate(detector, shapes_data)
    first = content["annotations"][0]
    text_id = {image["id"]: f"image {image['id']}" for image in content["images"]}
    first["segmentation"] = [[1, 2, 3, 4]]
    content["annotations"].append({**content["annotations"][1], "id": 0, "bbox": [5, 5, 0, 9]})
    content["annotations"][1]["iscrowd"] = None
    for entries, key in ((content["images"], "id"), (content["annotations"], "image_id")):
        for entry in entries:
            entry[key] = text_id[entry[key]]
    write_annotations(tmp_path, content, "val")
    metrics, found = evaluate(detector, tmp_path)
    assert found == [{**row, "image_id": text_id[row["image_id"]]} for row in rows]
    assert metrics["images"] == expected["images"] == 4
    with pytest.raises(ValueError, match="expected polygons of at least three points"):
        evaluate(detector, tmp_path, settings=DataConfig(on_error="refuse"))


def vanish(path):
    path.unlink()


def fold(path):
    path.unlink()
    path.mkdir()


def rot(path):
    path.write_bytes(path.read_bytes()[:60])


def shrink(path):
    Image.new("RGB", (20, 30)).save(path)


BLIND = Blind({1: "thing"})
LENIENT = DataConfig(max_unreadable=0.25)
FAULTS = {
    vanish: "no such image file",
    fold: "expected an image file. Received: ",
    rot: "expected an image. Received: ",
    shrink: "expected 40x30 pixels. Received: 20x30",
}


@pytest.fixture
def four(tmp_path):
    """Four images of an object each, checked when they all were there."""
    pictures = {f"{number}.png": (30, 40) for number in range(4)}
    write_folder(tmp_path, pictures, [rectangle(i, 1, 1, 8, 8) for i in (1, 2, 3, 4)], splits=("val",))
    return load_data(tmp_path, "val")


@pytest.mark.parametrize("damage", FAULTS)
def test_an_image_that_is_lost_is_left_out_and_named(damage, four, caplog):
    damage(path := Path(four.records[1].path))
    progress = []
    tell = lambda *numbers: progress.append(numbers)
    metrics, _ = evaluate(BLIND, four, progress=tell, settings=LENIENT)
    assert metrics["images"] == 3 and progress == [(done, 4) for done in (1, 2, 3, 4)]
    (line,) = caplog.messages
    assert line.startswith(f"{four.origin}: left out 1 of 4 images, the first {path}: {FAULTS[damage]}")
    with pytest.raises((ValueError, OSError), match=f"^{path}: {FAULTS[damage]}"):
        evaluate(BLIND, four, settings=DataConfig(on_error="refuse", max_unreadable=0.25))


@pytest.mark.parametrize(("share", "num_lost", "allowed"), [(0.25, 2, 1), (0.05, 1, 0), (1.0, 4, 3)])
def test_more_lost_images_than_allowed_end_an_evaluation(share, num_lost, allowed, four):
    for record in four.records[:num_lost]:
        vanish(Path(record.path))
    with pytest.raises(OSError) as caught:
        evaluate(BLIND, four, settings=DataConfig(max_unreadable=share))
    assert str(caught.value) == (
        f"{four.origin}: expected at most {allowed} of 4 images to be unreadable (`data.max_unreadable`). "
        f"Received: {num_lost}, the first {four.records[0].path}: no such image file"
    )


def test_a_rotten_image_in_a_shard_is_left_out_too(four, tmp_path):
    write_records(tmp_path, tmp_path / "shards", ["val"], shards=1)
    data = load_data(tmp_path / "shards", "val")
    (file,) = data.files
    small = io.BytesIO()
    Image.new("RGB", (20, 30)).save(small, "PNG")
    examples = [tf.train.Example.FromString(e.numpy()) for e in tf.data.TFRecordDataset(file)]
    examples[2].features.feature["image/encoded"].bytes_list.value[0] = small.getvalue()
    with tf.io.TFRecordWriter(file) as writer:
        for example in examples:
            writer.write(example.SerializeToString())
    assert evaluate(BLIND, data, settings=LENIENT)[0]["images"] == 3
    with pytest.raises(ValueError, match="2.png: expected 40x30 pixels. Received: 20x30"):
        evaluate(BLIND, data, settings=DataConfig(on_error="refuse"))


@pytest.mark.parametrize("results_of", [lambda data: [], perfect_results])
def test_classes_are_told_apart_in_any_order_and_under_one_name(results_of, tmp_path):
    categories = [{"id": 9, "name": "crane"}, {"id": 2, "name": "owl"}, {"id": 4, "name": "crane"}]
    objects = [rectangle(1, 1, 1, 9, 9, category_id=9), rectangle(1, 20, 1, 9, 9, category_id=2)]
    write_folder(tmp_path, {"a.png": (30, 40)}, objects, categories, splits=("val",))
    data = load_data(tmp_path, "val")
    score = 1.0 if results_of(data) else 0.0
    of_class = {"bbox": pytest.approx(score), "segm": pytest.approx(score)}
    without = {"bbox": -1.0, "segm": -1.0}
    assert coco_metrics(data, results_of(data))["per_class"] == {
        **{"owl": of_class, "crane (4)": without, "crane (9)": of_class}
    }


def test_no_detections_score_zero(shapes_data):
    metrics = coco_metrics(load_coco(shapes_data, "val"), [])
    assert metrics["bbox"]["AP"] == metrics["segm"]["AR100"] == 0


def test_data_of_other_categories_is_refused_in_one_line(shapes_data):
    stranger = types.SimpleNamespace(labels={1: "cat"})
    with pytest.raises(ValueError, match="expected the model's categories {1: 'cat'}. Received: {1:"):
        evaluate(stranger, shapes_data)


def test_of_many_categories_those_are_named_that_differ(shared_data):
    data = load_coco(shared_data / "coco100", "val")
    labels = {key: "toothbrushes" if key == 90 else name for key, name in data.labels.items()}
    with pytest.raises(ValueError) as caught:
        require_labels(labels, data)
    assert str(caught.value) == (
        f"{data.origin}: expected the model's categories 80, among them {{90: 'toothbrushes'}}. "
        "Received: 80, among them {90: 'toothbrush'}"
    )
    require_labels(dict(data.labels), data)
