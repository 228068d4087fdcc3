"""Boxes without a mask: what they become in training, evaluation and conversions, and that it is told."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.convert.made import HEIGHT, WIDTH, kinds, objects_of
from yolact_tf.config import BOXLESS, Config, DataConfig, ModelConfig
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.convert import convert
from yolact_tf.data.convert.coco import read_coco
from yolact_tf.data.convert.regions import rle_of
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.repair import repair
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.shards.writer import write_records
from yolact_tf.evaluate.average_precision import coco_metrics

NOTHING = (None, [], {}, [[]], [[[]]], "", float("nan"))  # what tools write where there is no mask


def write_boxes(folder, nothing=()):
    """An image of two masks and, for each value of `nothing`, a box with it as `segmentation`."""
    masks = [rectangle(1, 1, 1, 8, 8), rectangle(1, 20, 20, 8, 8)]
    boxes = [{**rectangle(1, 12, 6, 7, 5), "segmentation": value} for value in nothing]
    return write_folder(folder, {"a.png": (HEIGHT, WIDTH)}, [*masks, *boxes], splits=("train", "val"))


def mask_of(runs):
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(WIDTH, HEIGHT).T


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_box_is_the_mask_of_its_pixels_by_default(nothing, tmp_path, caplog):
    write_boxes(tmp_path, [nothing])
    (record,) = load_coco(tmp_path, "train", "refuse").records
    expected = np.zeros((HEIGHT, WIDTH))
    expected[6:11, 12:19] = 1
    assert_array_equal(mask_of(record.runs[2]), expected)
    assert_array_equal(record.xywh[2], [12, 6, 7, 5])
    assert caplog.messages == [
        f"{tmp_path / 'train.json'}: 1 x box without mask (first annotation 3), each read as a filled "
        "rectangle (`data.boxless`, else crowd, drop, refuse)"
    ]


@pytest.mark.parametrize(
    ("boxless", "is_crowd", "told"),
    [
        ("rectangles", [0, 0, 0, 0], "a filled rectangle"),
        ("crowd", [0, 0, 1, 1], "a crowd region, neither learned nor counted"),
        ("drop", [0, 0], "nothing"),
    ],
)
def test_what_boxes_become_and_that_they_are_counted(boxless, is_crowd, told, tmp_path, caplog):
    write_boxes(tmp_path, NOTHING[:2])
    (record,) = load_coco(tmp_path, "train", "refuse", boxless).records
    assert_array_equal(record.is_crowd, np.array(is_crowd, bool))
    (message,) = caplog.messages
    assert f"2 x box without mask (first annotation 3), each read as {told} (`data.boxless`" in message


def test_boxes_may_be_refused(tmp_path):
    write_boxes(tmp_path, NOTHING[:2])
    expected = "expected a mask of each annotation, as `data.boxless=refuse` asks"
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", boxless="refuse")
    received = "2 of a `bbox` alone, the first annotation 3"
    assert str(caught.value) == f"{tmp_path / 'train.json'}: {expected}. Received: {received}"


def test_any_other_wish_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`data.boxless` must be one of"):
        DataConfig(boxless="guess")
    write_boxes(tmp_path)
    with pytest.raises(ValueError, match="`boxless` must be one of rectangles, crowd, drop, refuse"):
        load_coco(tmp_path, "train", boxless="guess")


def test_training_asks_the_recipe(tmp_path):
    write_boxes(tmp_path, NOTHING[:1])
    config = Config(model=ModelConfig(num_classes=1), data=DataConfig(boxless="refuse"))
    with pytest.raises(ValueError, match="as `data.boxless=refuse` asks"):
        build_dataset(config, tmp_path, "train")


@pytest.mark.parametrize("boxless", BOXLESS)
def test_a_box_that_counts_as_an_object_can_be_missed(boxless, tmp_path):
    write_boxes(tmp_path, NOTHING[:1])
    data = load_coco(tmp_path, "val", "refuse", boxless)
    found = [
        {"image_id": 1, "category_id": 1, "score": 0.9, "bbox": box.tolist(), "segmentation": rle_of(mask)}
        for box, mask in zip(data.records[0].xywh[:2], map(mask_of, data.records[0].runs[:2]), strict=True)
    ]
    # Both masks are found: recall ends at 2 / 3, that is at 67 of 101 points, or at all of it.
    expected = 67 / 101 if boxless == "rectangles" else 1.0
    metrics = coco_metrics(data, found)
    assert [metrics[kind]["AP50"] for kind in ("bbox", "segm")] == pytest.approx([expected] * 2)


def test_shards_are_written_as_asked_and_not_mixed(tmp_path):
    write_boxes(tmp_path / "data", NOTHING[:1])
    write_records(tmp_path / "data", tmp_path / "out", ["train"], boxless="crowd")
    with pytest.raises(ValueError, match="whose train has other boxes without masks"):
        write_records(tmp_path / "data", tmp_path / "out", ["train"])


def test_check_warns_of_boxes_and_a_repaired_copy_keeps_them(tmp_path):
    write_boxes(tmp_path / "data", NOTHING[:2])
    found = [problem for problem in check(tmp_path / "data") if problem.split == "train"]
    assert [(p.kind, p.severity) for p in found] == [("box without mask", "warning")] * 2
    repair(tmp_path / "data", tmp_path / "copy")
    annotations = json.loads((tmp_path / "copy" / "train.json").read_text())["annotations"]
    assert [a["segmentation"] for a in annotations[2:]] == [None, []]


def test_a_box_over_the_border_is_clipped_and_one_without_width_is_none(tmp_path):
    content = write_boxes(tmp_path / "data", NOTHING[:2])
    content["annotations"][2]["bbox"] = [30, 20, 20, 20]
    content["annotations"][3]["bbox"] = [5, 5, 0, 9]
    write_annotations(tmp_path / "data", content)
    (record,) = load_coco(tmp_path / "data", "train").records
    assert [int(runs[1::2].sum()) for runs in record.runs] == [64, 64, 10 * 10]
    assert repair(tmp_path / "data", tmp_path / "copy")["boxes clipped"] == 1
    annotations = json.loads((tmp_path / "copy" / "train.json").read_text())["annotations"]
    assert [a["bbox"] for a in annotations[2:]] == [[30, 20, 10, 10]]


# Conversions


def write_yolo_boxes(folder):
    write_folder(folder / "images", {"a.png": (HEIGHT, WIDTH)}, splits=())
    (folder / "images" / "images").rename(folder / "images" / "train")
    (folder / "labels" / "train").mkdir(parents=True)
    rows = "0 0.1 0.1 0.3 0.1 0.3 0.3\n0 0.5 0.5 0.25 0.2\n"
    (folder / "labels" / "train" / "a.txt").write_text(rows)
    (folder / "data.yaml").write_text("train: images/train\nnames: [thing]\n")


def write_labelme_boxes(folder):
    write_folder(folder, {"a.png": (HEIGHT, WIDTH)}, splits=())
    shapes = [
        {"label": "thing", "shape_type": "polygon", "points": [[4, 3], [12, 3], [12, 9]]},
        {"label": "thing", "shape_type": "rectangle", "points": [[15, 12], [25, 18]]},
    ]
    (folder / "images" / "a.json").write_text(json.dumps({"shapes": shapes, "imagePath": "a.png"}))


def write_cvat_boxes(folder):
    write_folder(folder, {"a.png": (HEIGHT, WIDTH)}, splits=())
    (folder / "annotations.xml").write_text(
        '<annotations><image name="a.png"><polygon label="thing" points="4,3;12,3;12,9"/>'
        '<box label="thing" xtl="15" ytl="12" xbr="25" ybr="18"/></image></annotations>'
    )


def write_coco_boxes(folder):
    objects = [
        {**rectangle(1, 4, 3, 8, 6), "segmentation": [[4, 3, 12, 3, 12, 9]]},
        {**rectangle(1, 15, 12, 10, 6), "segmentation": []},
    ]
    write_folder(folder, {"a.png": (HEIGHT, WIDTH)}, objects)


SOURCES = {
    "yolo": write_yolo_boxes,
    "labelme": write_labelme_boxes,
    "cvat": write_cvat_boxes,
    "coco": write_coco_boxes,
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("boxes_as", BOXLESS)
def test_a_conversion_makes_of_boxes_what_is_asked_and_counts_them(source, boxes_as, tmp_path):
    SOURCES[source](tmp_path / "in")
    report = convert(tmp_path / "in", tmp_path / "out", source, "coco", boxes_as=boxes_as)
    word = {"rectangles": "now filled rectangles", "crowd": "now crowd regions", "drop": "left out"}[boxes_as]
    assert kinds(report.losses)[f"boxes without a mask, {word}"] == 1 and not report.losses.left_out
    (objects,) = objects_of(read_coco(tmp_path / "out")).values()
    expected = [(False, 24)] if boxes_as == "drop" else [(False, 24), (boxes_as == "crowd", 60)]
    assert [(is_crowd, int(mask.sum())) for _, is_crowd, mask in objects][1:] == expected[1:]
    assert len(objects) == len(expected)


def test_a_conversion_refuses_any_other_wish(tmp_path):
    write_coco_boxes(tmp_path / "in")
    with pytest.raises(
        ValueError, match="--boxes-as must be one of rectangles, crowd, drop. Received: 'refuse'"
    ):
        convert(tmp_path / "in", tmp_path / "out", "coco", "yolo", boxes_as="refuse")
    assert not (tmp_path / "out").exists()
