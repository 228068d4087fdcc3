"""Training on JAX on two hosts that a cable joins, one of which dies; needs Linux and its root."""

import importlib.util
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import yolact_tf
from tests.train.tiny_network import TINY_NETWORK
from tests.train.two_hosts import ADDRESSES, two_hosts
from yolact_tf.train.state import read_position
from yolact_tf.train.trainer import train

ROOT = Path(__file__).resolve().parents[2]
STEPS = 8  # of a run
SETTINGS = (
    *TINY_NETWORK,
    "loss.class_loss=focal",
    *("train.optimizer=sgd", "train.learning_rate=0.005", "train.gradient_clip=1", "train.validate_every=9"),
    *("train.batch_size=8", "train.epochs=1", f"train.images_per_epoch={8 * STEPS}"),
)
pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(
        not (importlib.util.find_spec("jax") and shutil.which("ip") and shutil.which("unshare")),
        reason="needs jax, ip and unshare",
    ),
]


@pytest.fixture
def hosts(tmp_path):
    try:
        with two_hosts(tmp_path) as hosts:
            yield hosts
    except OSError as error:
        pytest.skip(f"no network namespaces: {error}")


def test_a_job_goes_on_after_a_host_died(hosts, shapes_data, tmp_path):
    """All have the weights that a run on one device has; what goes over the cable is a gradient a step."""
    start, whole, run = (tmp_path / name for name in ("start", "whole", "run"))
    config = yolact_tf.load_config("tiny_256", SETTINGS)
    model = yolact_tf.build_yolact(config)
    yolact_tf.save_run(start, model, config, yolact_tf.load_labels(shapes_data))
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    yolact = [Path(sys.executable).with_name("yolact"), "train", "tiny_256", "--data", shapes_data, *settings]

    def launch(part, *options):
        outputs = [tmp_path / f"{part}{host}.log" for host in (0, 1)]
        environment = {
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "KERAS_BACKEND": "jax",
            "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"{ADDRESSES[0]}:12345",
            "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles sooner
        }
        command = [*yolact, "--run", run, *options]
        processes = [
            hosts.start(host, command, {**environment, "KERAS_DISTRIBUTION_PROCESS_ID": str(host)}, output)
            for host, output in enumerate(outputs)
        ]
        return processes, outputs

    processes, outputs = launch("first", "--weights", start, "--set", "train.save_minutes=0")
    try:
        steps, sent = zip(*((s, hosts.sent()) for s in _steps(run, processes, until=5)), strict=True)
        processes[1].send_signal(signal.SIGKILL)
        _wait_for(lambda: "Worker 0 expected an answer of all 2 workers" in outputs[0].read_text())
    finally:
        for process in processes:  # as who starts jobs does, once one of its processes has ended
            process.kill()
            process.wait()
    assert "holds the last state; the same command with --resume goes on" in outputs[0].read_text()
    gradient = 4 * sum(np.prod(w.shape) for w in model.trainable_weights)
    assert 1 < (sent[-1] - sent[0]) / (steps[-1] - steps[0]) / gradient < 1.5
    assert 0 < read_position(run).batch < STEPS

    processes, outputs = launch("second", "--resume", "--set", "train.save_minutes=9")
    for process, output in zip(processes, outputs, strict=True):
        assert process.wait(300) == 0, output.read_text()
    train(config, shapes_data, whole, weights=start)
    reference, begun = (yolact_tf.load_run(path).model.get_weights() for path in (whole, start))
    # Last digits of sums in another order grow from step to step; a batch more or less is a tenth of the way.
    way = max(np.abs(a - b).max() for a, b in zip(reference, begun, strict=True))
    assert way > 0.01
    for weights, expected in zip(yolact_tf.load_run(run).model.get_weights(), reference, strict=True):
        np.testing.assert_allclose(weights, expected, rtol=0, atol=0.01 * way)


def _steps(run, processes, until):
    """The steps that are done, each once, as the state of a run tells of them."""
    last = 0
    while last < until:
        _wait_for(lambda: (run / "state.safetensors").is_file())
        assert all(process.poll() is None for process in processes)
        step = read_position(run).batch
        if step > last:
            last = step
            yield step
        time.sleep(0.01)


def _wait_for(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("what was waited for five minutes did not come")
