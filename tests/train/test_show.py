"""When the pictures of a run are drawn; what they show is tested where they are made."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from yolact_tf.data.coco import load_coco
from yolact_tf.detect.detections import Detections
from yolact_tf.recipes import load_config
from yolact_tf.runs import describe_run
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.show import ShowTraining

START = ["labels.png", "lr.png", "train_batch0.jpg", "train_batch1.jpg", "train_batch2.jpg"]


def nothing_found(image):
    return Detections(
        image.shape[:2],
        np.zeros((0, 4), "float32"),
        np.zeros(0, "float32"),
        np.zeros(0, int),
        (),
        np.zeros((0, 32, 32), "float32"),
        prototypes=np.ones((32, 32, 8), "float32"),
    )


@pytest.fixture
def begun(shapes_data, small_settings, tmp_path):
    """(callback at the start of a training, what it has shown)."""
    config = load_config("tiny_256", [*small_settings, "model.num_classes=6"])
    data = {split: load_coco(shapes_data, split) for split in ("train", "val")}
    # A long validation set: two pictures of eight images.
    records = data["val"].records * 10
    describe_run(tmp_path, config, data["val"].labels)
    shown = []
    callback = ShowTraining(
        tmp_path,
        config,
        data["train"],
        dataclasses.replace(data["val"], records=records),
        lambda: nothing_found,
        lambda *arguments: shown.append(arguments),
    )
    callback.set_model(SimpleNamespace(optimizer=build_optimizer(config, 6)))
    callback.set_params({"epochs": 4, "steps": 6})
    callback.on_train_begin()
    return callback, shown


def test_pictures_are_there_from_the_start_and_follow_validations(begun, tmp_path):
    callback, shown = begun
    names = lambda: sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names() == START and (tmp_path / "summary.html").is_file()
    log = tmp_path / "log.csv"
    log.write_text("epoch,loss,val_box_AP,val_mask_AP\n0,3,nan,nan\n1,2,0.1,0.2\n")
    callback.on_epoch_end(0, {"val_mask_AP": math.nan})
    assert names() == START
    callback.on_epoch_end(1, {"val_mask_AP": 0.2})
    later = ["prototypes.png", "results.png", "val_batch0.jpg", "val_batch1.jpg"]
    assert names() == sorted([*START, *later])
    ((epoch, pictures, positives),) = shown
    assert epoch == 1 and len(pictures) == 5
    assert positives.shape == (5,) and positives.sum() > 0
    # Straight after that they would take more than their share of the time; the end brings them anyway.
    callback.on_epoch_end(2, {"val_mask_AP": 0.3})
    assert len(shown) == 1
    callback.on_train_end()
    assert [epoch for epoch, *_ in shown] == [1, 2]
    assert not np.array_equal(shown[0][2], shown[1][2])  # another batch each time
    callback.on_train_end()
    assert len(shown) == 2
