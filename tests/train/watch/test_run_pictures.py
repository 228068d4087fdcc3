"""When the pictures of a run are drawn; what they show is tested where they are made."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from yolact_tf.data.coco.split import load_coco
from yolact_tf.recipes import load_config
from yolact_tf.runs import describe_run
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.watch.run_pictures import ShowTraining, WatchedData

START = ["labels.png", "lr.png", "train_batch0.jpg", "train_batch1.jpg", "train_batch2.jpg"]


@pytest.fixture
def begun(shapes_data, small_settings, tmp_path):
    """(callback at the start of a training, what validations saw, what it has shown)."""
    config = load_config("tiny_256", [*small_settings, "model.num_classes=6"])
    train, val = (load_coco(shapes_data, split) for split in ("train", "val"))
    describe_run(tmp_path, config, val.labels)
    pair, prototypes = np.zeros((32, 70, 3), "uint8"), np.zeros((96, 96, 3), "uint8")
    sample, shown = SimpleNamespace(pairs=[pair] * 9, prototypes=prototypes), []
    show = lambda *arguments: shown.append(arguments)
    callback = ShowTraining(tmp_path, config, WatchedData(shapes_data, train, val), sample, show)
    callback.set_model(SimpleNamespace(optimizer=build_optimizer(config, 6)))
    callback.set_params({"epochs": 4, "steps": 6})
    callback.on_train_begin()
    return callback, shown


@pytest.mark.whole
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
    callback.on_epoch_end(3, {"val_mask_AP": math.nan})
    assert len(shown) == 1
    callback.on_train_end()
    assert [epoch for epoch, *_ in shown] == [1, 2]
    assert not np.array_equal(shown[0][2], shown[1][2])  # another batch each time
    callback.on_train_end()
    assert len(shown) == 2


def test_data_json_counts_both_splits(shapes_run, shapes_data):
    written = json.loads((shapes_run / "data.json").read_text())
    assert written["folder"] == str(shapes_data)
    for split in ("train", "val"):
        content = json.loads((shapes_data / f"{split}.json").read_text())
        counts = written[split]
        assert (counts["images"], counts["crowds"]) == (len(content["images"]), 0)
        assert counts["objects"] == sum(counts["classes"].values()) == len(content["annotations"])
        assert len(counts["classes"]) == 6


@pytest.mark.whole
def test_a_run_that_goes_on_counts_its_data_once(begun, tmp_path):
    callback, _ = begun
    before = json.loads((tmp_path / "data.json").read_text())
    (tmp_path / "plots" / "labels.png").write_bytes(b"kept")
    callback.data = callback.data._replace(folder="moved")
    callback.on_train_begin()
    assert (tmp_path / "plots" / "labels.png").read_bytes() == b"kept"
    assert json.loads((tmp_path / "data.json").read_text()) == {**before, "folder": "moved"}
    (tmp_path / "plots" / "labels.png").unlink()
    callback.on_train_begin()
    assert (tmp_path / "plots" / "labels.png").stat().st_size > 1000
    for damaged in ("{", "{}", "[1]"):
        (tmp_path / "data.json").write_text(damaged)
        callback.on_train_begin()
        assert json.loads((tmp_path / "data.json").read_text()) == {**before, "folder": "moved"}
