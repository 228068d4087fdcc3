import csv
import dataclasses
import json
import math
import shutil
import types

import keras
import numpy as np
import pytest

import yolact_tf
from tests.blind import Blind
from yolact_tf.data.coco.split import load_coco
from yolact_tf.fields import override
from yolact_tf.runs import Run, find_weights, load_weights
from yolact_tf.train.batch_size import noise
from yolact_tf.train.trainer import train
from yolact_tf.train.validation import ValidateAP


@pytest.fixture(scope="module")
def config(small_settings):
    return yolact_tf.load_config(
        "tiny_256", [*small_settings, "model.num_classes=6", "train.images_per_epoch=240"]
    )


@pytest.mark.whole
def test_plain_keras_trains_it(config, shapes_data):
    """The README's script: compile, fit, and each part of the loss by its name."""
    keras.utils.set_random_seed(0)
    model = yolact_tf.build_yolact(config)
    loss = yolact_tf.YolactLoss(config)
    model.compile(optimizer=yolact_tf.build_optimizer(config, steps_per_epoch=10), loss=loss)
    dataset = yolact_tf.build_dataset(config, shapes_data, "train")
    history = model.fit(dataset, epochs=2, verbose=0).history
    assert set(history) == {"loss", "box_loss", "class_loss", "mask_loss", "semantic_loss", "skipped_steps"}
    assert history["skipped_steps"] == [0, 0]
    assert history["loss"][1] < history["loss"][0]
    for epoch in range(2):
        parts = sum(history[name][epoch] for name in loss.part_names)
        assert history["loss"][epoch] == pytest.approx(parts, rel=1e-4)
    scores = model.evaluate(yolact_tf.build_dataset(config, shapes_data, "val"), return_dict=True, verbose=0)
    assert set(scores) == set(history)


@pytest.mark.whole
def test_a_step_in_mixed_precision_compiles_under_xla(config, shapes_data):
    images, truth = next(iter(yolact_tf.build_dataset(config, shapes_data, "train")))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = yolact_tf.build_yolact(config)
        optimizer, loss = yolact_tf.build_optimizer(config, 10), yolact_tf.YolactLoss(config)
        model.compile(optimizer, loss, jit_compile=True)
        logs = model.train_on_batch(images, truth, return_dict=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert all(math.isfinite(value) for value in logs.values())


def test_the_log_has_a_row_an_epoch(shapes_run):
    with open(shapes_run / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    for name in ("box_loss", "class_loss", "mask_loss", "semantic_loss", "loss", "learning_rate"):
        assert math.isfinite(float(rows[1][name]))
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert 0 <= float(rows[1]["val_mask_AP"]) <= 1


def started_validation(run, data, folder, every=1):
    """A ValidateAP of three epochs that writes into `folder`, as `fit` begins."""
    (folder / "weights").mkdir()
    run.model.compile(yolact_tf.build_optimizer(run.config, 10), yolact_tf.YolactLoss(run.config))
    run.model.stop_training = False
    callback = ValidateAP(folder, run.config, data, every)
    callback.set_model(run.model)
    callback.set_params({"epochs": 3})
    callback.on_train_begin()
    return callback


@pytest.mark.whole
def test_epochs_without_validation_log_nan_and_the_last_validates(config, shapes_data, tmp_path):
    data = load_coco(shapes_data, "val")
    run = Run(yolact_tf.build_yolact(config), config, data.labels)
    callback = started_validation(run, data, tmp_path, every=2)
    logs = [{}, {}, {}]
    for epoch in range(3):
        callback.on_epoch_end(epoch, logs[epoch])
    assert [math.isnan(row["val_mask_AP"]) for row in logs] == [True, False, False]


@pytest.mark.whole
def test_metrics_are_of_the_last_validation_though_another_was_better(config, shapes_data, tmp_path):
    data = load_coco(shapes_data, "val")
    run = Run(yolact_tf.build_yolact(config), config, data.labels)
    callback = started_validation(run, data, tmp_path)
    callback.best = 1.0
    callback.on_epoch_end(0, logs := {})
    assert json.loads((tmp_path / "metrics.json").read_text())["segm"]["AP"] == logs["val_mask_AP"] < 1
    assert (callback.best, callback.waited) == (1.0, 1)
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["last.weights.h5"]


@pytest.mark.parametrize("are_dead", [True, False])
def test_masks_that_stay_empty_though_boxes_come_out_are_told_once(
    are_dead, shapes_run, shapes_data, tmp_path, caplog
):
    # A training of a few steps finds next to nothing but what it has seen.
    run, data = yolact_tf.load_run(shapes_run), load_coco(shapes_data, "train")
    if are_dead:
        prototypes = run.model.get_layer("protonet").get_layer("prototypes")
        prototypes.kernel.assign(-abs(prototypes.kernel))
        prototypes.bias.assign(0 * prototypes.bias)
    callback = started_validation(run, data, tmp_path)
    for epoch in range(2):
        callback.on_epoch_end(epoch, logs := {})
        assert logs["val_box_AP"] > 0.02 and (logs["val_mask_AP"] == 0) == are_dead
    assert [line.startswith("no mask fits any object") for line in caplog.messages] == [True] * are_dead


@pytest.mark.whole
def test_without_objects_to_validate_on_the_last_weights_are_the_best(config, shapes_data, tmp_path):
    content = json.loads((shapes_data / "val.json").read_text())
    (tmp_path / "val.json").write_text(json.dumps({**content, "annotations": []}))
    (tmp_path / "images").symlink_to(shapes_data / "images")
    data = load_coco(tmp_path, "val")
    run = Run(yolact_tf.build_yolact(config), config, data.labels)
    callback = started_validation(run, data, tmp_path)
    for epoch in range(2):
        run.model.set_weights([value + 0.001 for value in run.model.get_weights()])
        callback.on_epoch_end(epoch, logs := {})
        assert logs["val_mask_AP"] == -1 and callback.waited == 0
        assert json.loads((tmp_path / "metrics.json").read_text())["segm"]["AP"] == -1
        load_weights(model := yolact_tf.build_yolact(run.config), find_weights(tmp_path))
        for value, expected in zip(model.get_weights(), run.model.get_weights(), strict=True):
            np.testing.assert_array_equal(value, expected)


def test_a_validation_image_that_rots_is_left_out_as_a_training_image_is(config, shapes_data, tmp_path):
    shutil.copytree(shapes_data, tmp_path / "data")
    data = load_coco(tmp_path / "data", "val")
    rotten = tmp_path / "data" / "images" / "val_00002.jpg"
    content = rotten.read_bytes()
    rotten.write_bytes(content[: len(content) // 2] + content[-2:])  # with its end marker
    seen = []
    config = override(config, ["data.max_unreadable=0.25"])
    callback = ValidateAP(None, config, data, 1, observe=lambda record, *_: seen.append(record.image_id))
    model = types.SimpleNamespace(optimizer=types.SimpleNamespace(use_ema=False), stop_training=False)
    callback.set_model(model)
    callback.set_params({"epochs": 3})
    callback.detector = Blind(data.labels)
    callback.on_epoch_end(0, {})
    assert seen == [100001, 100002, 100004]
    callback.config = override(config, ["data.on_error=refuse"])
    with pytest.raises(ValueError, match=f"^{rotten}: expected an image"):
        callback.on_epoch_end(1, {})


@pytest.mark.whole
def test_a_plus_model_trains_its_rescorer_and_keeps_it(plus_run):
    with open(plus_run / "log.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["mask_iou_loss"]) > 0
    run = yolact_tf.load_run(plus_run)
    keras.utils.set_random_seed(run.config.train.seed)
    untrained = yolact_tf.build_yolact(run.config).mask_rescorer
    for trained, fresh in zip(run.model.mask_rescorer.weights, untrained.weights, strict=True):
        assert not np.array_equal(trained, fresh), trained.path


@pytest.mark.whole
def test_averaged_weights_start_from_given_ones_and_shards_train(shapes_run, shapes_shards, tmp_path, caplog):
    source = yolact_tf.load_run(shapes_run)
    settings = {"epochs": 1, "images_per_epoch": 4, "ema": 0.999, "learning_rate": 1e-6}
    config = dataclasses.replace(source.config, train=dataclasses.replace(source.config.train, **settings))
    with caplog.at_level("WARNING"):
        run = train(config, shapes_shards, tmp_path / "run", weights=shapes_run)
    assert f"{shapes_run}: 114 tensors loaded; nothing starts afresh" in caplog.text
    # One step of a millionth, averaged: what is saved is still where it started.
    for saved, start in zip(run.model.trainable_weights, source.model.trainable_weights, strict=True):
        np.testing.assert_allclose(saved, start, atol=1e-4)


def test_a_run_that_goes_on_says_that_it_loads_no_other_weights(config, tmp_path, caplog):
    run = tmp_path / "run"
    with pytest.raises(FileNotFoundError):
        train(config, tmp_path / "none", run, weights="other.pth", resume=True)
    assert caplog.messages == [f"other.pth is not loaded: --resume goes on with the weights of {run}"]


def test_no_metrics_are_none_and_others_are_refused(config):
    model, loss = yolact_tf.build_yolact(config), yolact_tf.YolactLoss(config)
    optimizer = yolact_tf.build_optimizer(config, 10)
    model.compile(optimizer, loss, metrics=[], weighted_metrics={}, run_eagerly=True)
    logs = model.test_on_batch(*noise(config, 1), return_dict=True)
    assert set(logs) == {"loss", *loss.part_names, "skipped_steps"}
    for name in ("metrics", "weighted_metrics"):
        message = rf"`{name}` must be empty beside a loss of parts, .* \['mae'\]"
        with pytest.raises(ValueError, match=message):
            model.compile(optimizer, loss, **{name: ["mae"]})
        model.compile(optimizer, {"box_deltas": "mse"}, **{name: {"box_deltas": ["mae"]}})


def test_splits_with_different_categories_are_refused(shapes_data, small_settings, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(shapes_data, copy)
    content = json.loads((copy / "val.json").read_text())
    content["categories"].append({"id": 99, "name": "extra"})
    (copy / "val.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"val.json: expected the categories of the training split"):
        train(yolact_tf.load_config("tiny_256", small_settings), copy, tmp_path / "run")
    assert not (tmp_path / "run").exists()
