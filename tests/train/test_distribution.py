"""Several devices and several workers compute what one device does at the same batch size."""

import dataclasses
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import yolact_tf
from tests.train.tiny_network import TINY_NETWORK
from yolact_tf.train.distribution import devices, tells_of_lost_worker

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = (
    *TINY_NETWORK,
    # The largest step that the clip leaves; a clip of each part of a batch would show.
    *("train.optimizer=sgd", "train.learning_rate=0.05", "train.gradient_clip=1"),
    *("train.batch_size=8", "train.epochs=1", "train.images_per_epoch=24", "loss.masks_per_image=100"),
    # Of three batches the last is not mixed.
    *("data.copy_paste=0.5", "data.unmixed_end=0.4"),
    # Nothing is chosen by rank: last digits, which the load of a machine moves, would choose other negatives.
    "loss.class_loss=focal",
    # The first stages join in the last of the three steps, and learn slowly.
    *("train.freeze=backbone:3", "train.thaw_at=0.5", "train.backbone_rate=0.5", "train.layer_decay=0.7"),
)
needs_jax = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="needs jax")

# Two shares of a CPU must be made before anything computes, so in a process of its own.
MIRRORED = """
import sys
import numpy as np, tensorflow as tf
import yolact_tf
from yolact_tf.data.coco.split import load_coco
from yolact_tf.train.distribution import devices
from yolact_tf.train.trainer import train

data, start, run, *settings = sys.argv[1:]
config = yolact_tf.load_config("tiny_256", settings)
train(config, data, run, weights=start)

# Parts of the loss, hard negatives, and a subset of the positives that is drawn anew for each batch.
few = yolact_tf.load_config("tiny_256", [*settings, "loss.masks_per_image=2", "loss.class_loss=ohem"])
images, truth = next(iter(yolact_tf.build_dataset(config, data, "train")))
model = yolact_tf.load_run(start).model
whole = yolact_tf.YolactLoss(few).parts(truth, model(images))
with devices(2, batch_size=8) as chosen:
    with chosen.model_scope():
        loss = yolact_tf.YolactLoss(few)
    def share(context):
        rows = slice(4 * context.replica_id_in_sync_group, 4 * context.replica_id_in_sync_group + 4)
        mine = {name: value[rows] for name, value in truth.items()}
        return loss.parts(mine, model(images[rows]))
    parts = chosen.strategy.run(lambda: share(tf.distribute.get_replica_context()))
summed = {name: sum(chosen.strategy.experimental_local_results(part)) for name, part in parts.items()}
np.savez(run + "/parts.npz", whole=[*whole.values()], mirrored=[summed[name] for name in whole])
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory, shapes_data):
    """A run that all trainings start from."""
    config = yolact_tf.load_config("tiny_256", SETTINGS)
    folder = tmp_path_factory.mktemp("start") / "run"
    labels = yolact_tf.load_labels(shapes_data)
    yolact_tf.save_run(folder, yolact_tf.build_yolact(config), config, labels)
    return folder


@pytest.fixture(scope="module")
def trained(start, shapes_data, tmp_path_factory):
    """{"one", "mirrored", "workers"}: runs of the same training, each in processes of its own."""
    folder = tmp_path_factory.mktemp("distributed")
    runs = {name: folder / name for name in ("one", "mirrored", "workers")}
    mirrored = [sys.executable, "-c", MIRRORED, shapes_data, start, runs["mirrored"]]
    processes = [_start([*mirrored, *SETTINGS, "train.devices=2"])]
    command = [Path(sys.executable).with_name("yolact"), "train", "tiny_256", "--data", shapes_data]
    command += [word for setting in SETTINGS for word in ("--set", setting)]
    processes.append(_start([*command, "--run", runs["one"], "--weights", start]))
    if importlib.util.find_spec("jax"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        for worker, run in enumerate((runs["workers"], folder / "second")):
            environment = {
                "KERAS_BACKEND": "jax",
                "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
                "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
                "KERAS_DISTRIBUTION_PROCESS_ID": str(worker),
                "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles sooner
            }
            processes.append(_start([*command, "--run", run, "--weights", start], environment))
    for process in processes:
        output, _ = process.communicate(timeout=400)
        assert process.returncode == 0, output
    return runs


def _start(command, environment=()):
    return subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", **dict(environment)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _weights(run):
    return yolact_tf.load_run(run).model.get_weights()


def _assert_same_training(run, trained, start):
    reference = _weights(trained["one"])
    moved = max(np.abs(a - b).max() for a, b in zip(reference, _weights(start), strict=True))
    assert moved > 0.01
    # Last digits of sums in another order grow to 1e-5 in three such steps, which move weights by 1e-2.
    for weights, expected in zip(_weights(run), reference, strict=True):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-4)
    columns = [np.genfromtxt(path / "log.csv", delimiter=",", names=True) for path in (run, trained["one"])]
    assert columns[0].dtype.names == columns[1].dtype.names
    for name in ("loss", "box_loss", "class_loss", "mask_loss", "semantic_loss"):
        assert columns[0][name] == pytest.approx(columns[1][name], rel=1e-4), name


@pytest.mark.whole
def test_two_mirrored_devices_train_as_one(trained, start):
    _assert_same_training(trained["mirrored"], trained, start)


@pytest.mark.whole
def test_parts_of_mirrored_losses_sum_to_those_of_the_batch(trained):
    parts = np.load(trained["mirrored"] / "parts.npz")
    np.testing.assert_allclose(parts["mirrored"], parts["whole"], rtol=1e-5)


@pytest.mark.whole
@needs_jax
def test_two_workers_of_jax_train_as_one_device_of_tensorflow(trained, start):
    """Each worker is a process with half of every batch, read by its own pipeline."""
    _assert_same_training(trained["workers"], trained, start)


@pytest.mark.whole
@needs_jax
def test_only_the_first_worker_writes(trained):
    assert (trained["workers"] / "weights" / "best.weights.h5").is_file()
    assert (trained["workers"] / "metrics.json").is_file()
    assert not (trained["workers"].parent / "second").exists()


def test_several_workers_of_tensorflow_are_refused(monkeypatch):
    cluster = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}'
    for name, value in (("TF_CONFIG", cluster), ("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(ValueError, match="Several hosts need KERAS_BACKEND=jax.*Received: 2 workers"):
                devices(0, batch_size=8).__enter__()


def test_more_devices_than_there_are_are_refused():
    keras.ops.zeros(1)  # from now on the CPU is whole
    with pytest.raises(ValueError, match="`train.devices` must be at most the 1 of this host. Received: 64"):
        devices(64, batch_size=64).__enter__()


def test_one_device_needs_no_strategy():
    with devices(1, batch_size=7) as chosen:
        assert chosen.is_first and chosen.num_workers == chosen.count == 1 and chosen.strategy is None
    assert dataclasses.replace(chosen, worker=1).is_first is False


@needs_jax
def test_a_lost_worker_is_told_from_other_errors_of_jax():
    from jax.errors import JaxRuntimeError

    lost = "UNKNOWN: Gloo all-reduce failed: Read error [10.0.0.2]: Connection reset by peer"
    assert tells_of_lost_worker(JaxRuntimeError(lost))
    assert not tells_of_lost_worker(JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    assert not tells_of_lost_worker(OSError(lost))
