import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from yolact_tf.files import atomic_path
from yolact_tf.train.trainer import compile_model


def test_a_run_holds_what_the_contract_names(shapes_run):
    for name in (
        "config.json",
        "labels.json",
        "weights/last.weights.h5",
        "weights/best.weights.h5",
        "log.csv",
        "metrics.json",
        "plots/results.png",
        "plots/lr.png",
        "plots/labels.png",
        "plots/train_batch0.jpg",
        "plots/val_batch0.jpg",
        "summary.html",
    ):
        assert (shapes_run / name).is_file(), name
    assert any((shapes_run / "tensorboard").rglob("events*"))
    assert not list(shapes_run.rglob(".tmp-*"))


def test_a_run_loads_without_its_recipe(shapes_run):
    run = yolact_tf.load_run(shapes_run)
    assert run.config.data.image_size == 128
    assert run.labels == {1: "circle", 2: "square", 3: "triangle", 4: "star", 5: "cross", 6: "ring"}
    assert run.config.model.num_classes == 6


@pytest.mark.whole
def test_saving_a_loaded_run_gives_an_equal_one(shapes_run, tmp_path):
    run = yolact_tf.load_run(shapes_run)
    yolact_tf.save_run(tmp_path / "copy", run.model, run.config, run.labels)
    copy = yolact_tf.load_run(tmp_path / "copy")
    image = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype="uint8")
    for name, value in run.model(image).items():
        assert_allclose(copy.model(image)[name], value, atol=1e-6)
    assert (copy.config, copy.labels) == (run.config, run.labels)


def test_weights_are_saved_without_the_optimizer(shapes_run, tmp_path):
    run = yolact_tf.load_run(shapes_run)
    compile_model(run.model, run.config, steps_per_epoch=10)
    optimizer = run.model.optimizer
    yolact_tf.save_run(tmp_path, run.model, run.config, run.labels)
    assert run.model.optimizer is optimizer and len(optimizer.variables) > len(run.model.trainable_variables)
    numbers = sum(np.prod(weights.shape) for weights in run.model.get_weights())
    for path in (tmp_path / "weights/last.weights.h5", shapes_run / "weights/last.weights.h5"):
        assert 4 * numbers < path.stat().st_size < 5 * numbers
    for weights, saved in zip(
        run.model.get_weights(), yolact_tf.load_run(tmp_path).model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(saved, weights)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (
            lambda run: (run / "config.json").unlink(),
            FileNotFoundError,
            "expected a run folder with config.json",
        ),
        (lambda run: (run / "config.json").write_text("{"), ValueError, "A config must be JSON"),
        (
            lambda run: [f.unlink() for f in (run / "weights").iterdir()],
            FileNotFoundError,
            "expected weights/best",
        ),
        (
            lambda run: [f.write_bytes(b"x") for f in (run / "weights").iterdir()],
            ValueError,
            "expected weights of",
        ),
    ],
)
def test_a_damaged_run_is_named(shapes_run, tmp_path, damage, error, message):
    run = yolact_tf.load_run(shapes_run)
    yolact_tf.save_run(tmp_path / "run", run.model, run.config, run.labels)
    damage(tmp_path / "run")
    with pytest.raises(error, match=message) as caught:
        yolact_tf.load_run(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_missing_run_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="A run must be a folder. Received: .*nowhere"):
        yolact_tf.load_run(tmp_path / "nowhere")


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "metrics.json"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as temporary:
        with open(temporary, "w") as file:
            file.write("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["metrics.json"]


def test_metrics_have_the_keys_of_the_contract(shapes_run):
    metrics = json.loads((shapes_run / "metrics.json").read_text())
    stats = {"AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl"}
    assert set(metrics) == {"bbox", "segm", "per_class", "images"}
    assert set(metrics["bbox"]) == set(metrics["segm"]) == stats
    assert metrics["images"] == 4
    assert set(metrics["per_class"]["ring"]) == {"bbox", "segm"}


def test_a_run_may_detect_otherwise_than_it_says(shapes_run):
    run = yolact_tf.load_run(shapes_run, ["detect.mask_upsampling=logits", "detect.disjoint=true"])
    assert run.config.detect.mask_upsampling == "logits" and run.config.detect.disjoint
    assert yolact_tf.load_run(shapes_run).config.detect.mask_upsampling == "probabilities"
    with pytest.raises(ValueError, match=r"only `detect` can be set.* Received: 'model.num_prototypes=3'"):
        yolact_tf.load_run(shapes_run, ["model.num_prototypes=3"])
    with pytest.raises(ValueError, match="`detect.mask_upsampling` must be one of"):
        yolact_tf.load_run(shapes_run, ["detect.mask_upsampling=bicubic"])
