"""Runs that are interrupted: killed, stopped, out of disk, without their images. They go on bit by bit."""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open

import yolact_tf
from tests.in_process import in_process
from yolact_tf.fields import override
from yolact_tf.train.state import FILE, Position, load_state, read_position, save_state
from yolact_tf.train.trainer import compile_model, train
from yolact_tf.train.watch.run_log import read_log

SETTINGS = [
    *("data.image_size=64", "data.max_objects=8", "anchors.sizes=6,12,24,48,64", "model.num_prototypes=8"),
    *("model.pyramid_channels=16", "model.prototype_channels=16", "model.head_channels=16"),
    *("train.epochs=3", "train.images_per_epoch=48", "train.validate_every=2", "train.ema=0.9"),
    *("loss.masks_per_image=4", "train.save_minutes=0", "train.accumulate=2"),
    *("train.freeze=backbone:3", "train.thaw_at=0.5", "train.backbone_rate=0.5"),
]


def request(data, run, *more):
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return ["train", "tiny_256", "--data", data, "--run", run, *settings, *more]


@pytest.fixture
def ended(capsys, monkeypatch):
    """ended(*request) -> (exit code, stderr) of `yolact` in this process, which has TensorFlow loaded."""

    def run(*words):
        code, _, errors = in_process(capsys, monkeypatch, *words)
        return code, errors

    return run


def state_of(run):
    """(tensors, metadata) of a run's state."""
    with safe_open(run / FILE, "numpy") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}, file.metadata()


def is_in_epoch(run, epoch):
    """Whether the state that was saved last is of that epoch."""
    return (run / FILE).is_file() and f'"epoch": {epoch}' in state_of(run)[1]["position"]


@contextlib.contextmanager
def once_in_epoch(run, epoch, act):
    """Has a thread call `act` as soon as a state of that epoch is saved."""
    is_over = threading.Event()

    def watch():
        while not is_over.wait(0.05):
            if is_in_epoch(run, epoch):
                return act()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.fixture(scope="module")
def config():
    return yolact_tf.load_config("tiny_256", SETTINGS)


@pytest.fixture(scope="module")
def whole(config, shapes_data, tmp_path_factory):
    """Folder of the run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(config, shapes_data, folder)
    return folder


@pytest.fixture(scope="module")
def killed(shapes_data, tmp_path_factory):
    """Folder of a run that was killed with SIGKILL in the middle of its second epoch."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    yolact = Path(sys.executable).with_name("yolact")
    command = [str(word) for word in (yolact, *request(shapes_data, folder))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not is_in_epoch(folder, 1):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
    for cut_off in folder.glob(".tmp-*"):  # a state that it was writing
        cut_off.unlink()
    return folder


class AtFirstStatus:
    """A report that acts once, when training has begun; `once_in` acts in a later epoch instead."""

    interval = 0.0

    def __init__(self, act, epoch=0):
        self.act, self.epoch = act, epoch
        self.row, self.validating = lambda row: None, lambda done, total: None

    def status(self, status):
        if self.act and status.epoch > self.epoch:
            self.act()
            self.act = None


@pytest.mark.whole
def test_a_run_that_is_interrupted_in_every_way_goes_on_to_the_same_bits(
    config, whole, killed, shapes_data, tmp_path, caplog
):
    """By a kill that cut off a row, a validation image that vanished, and Ctrl-C."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(shapes_data, data)
    shutil.copytree(killed, run)
    assert '"epoch": 1' in state_of(run)[1]["position"]
    with open(run / "log.csv", "a") as file:
        file.write("1,0.5,")
    vanish = AtFirstStatus((data / "images" / "val_00001.jpg").unlink)
    with pytest.raises(FileNotFoundError, match="val_00001"):
        train(config, data, run, resume=True, report=vanish)
    position = read_position(run)
    assert (position.epoch, position.batch, position.waited) == (1, 12, 0)

    seldom = override(config, ["train.save_minutes=10"])  # so that nothing but the interrupt saves
    interrupt = AtFirstStatus(lambda: os.kill(os.getpid(), signal.SIGINT), epoch=2)
    with pytest.raises(KeyboardInterrupt):
        train(seldom, shapes_data, run, resume=True, report=interrupt)
    position = read_position(run)
    assert position.epoch == 2 and 1 <= position.batch <= 2  # the step that it came in is done
    assert f"{run} holds the last state; the same command with --resume goes on from it" in caplog.text

    train(config, shapes_data, run, resume=True)
    _assert_same_bits(run, whole)


def _assert_same_bits(run, whole):
    tensors, metadata = state_of(run)
    expected, _ = state_of(whole)
    assert '"epoch": 3, "batch": 0' in metadata["position"]
    assert set(tensors) == set(expected)
    for name, value in expected.items():
        assert_array_equal(tensors[name], value, err_msg=name)
    ours, theirs = read_log(run / "log.csv"), read_log(whole / "log.csv")
    for column in set(theirs) - {"images_per_second"}:
        assert_array_equal(ours[column], theirs[column], err_msg=column)
    model = yolact_tf.build_yolact(yolact_tf.load_run(whole).config)
    for name in ("last", "best"):
        both = []
        for folder in (run, whole):
            model.load_weights(folder / "weights" / f"{name}.weights.h5")
            both.append([np.array(variable) for variable in model.variables])
        for one, other in zip(*both, strict=True):
            assert_array_equal(one, other, err_msg=name)


@pytest.mark.whole
def test_a_finished_run_has_nothing_left_to_do(config, whole, shapes_data):
    before = (whole / FILE).read_bytes()
    run = train(config, shapes_data, whole, resume=True)
    assert run.path == whole and (whole / FILE).read_bytes() == before


@pytest.mark.whole
def test_another_recipe_is_refused_with_the_differences(whole, shapes_data):
    other = yolact_tf.load_config("tiny_256", [*SETTINGS, "train.epochs=4", "data.mirror=false"])
    with pytest.raises(ValueError) as caught:
        train(other, shapes_data, whole, resume=True)
    assert str(caught.value) == (
        f"--resume expects the recipe of the run {whole}. Received other values: data.mirror False, not "
        "True; train.epochs 4, not 3, which changes the learning rates of the 36 steps that are done"
    )


@pytest.mark.whole
def test_other_annotations_are_refused(config, whole, shapes_data, tmp_path):
    shutil.copytree(shapes_data, tmp_path / "data")
    file = tmp_path / "data" / "train.json"
    file.write_text(file.read_text() + "\n")
    with pytest.raises(ValueError, match="expected the data that the run was trained on"):
        train(config, tmp_path / "data", whole, resume=True)


def test_there_must_be_a_run_to_go_on_with(config, shapes_data, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--resume expects a run folder with config.json"):
        train(config, shapes_data, tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.whole
def test_a_full_disk_leaves_the_last_state_whole(config, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    before = (run / FILE).read_bytes()
    model = yolact_tf.build_yolact(yolact_tf.load_run(run).config)
    compile_model(model, config, steps_per_epoch=12)
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, most))  # more fails as on a full disk
    try:
        with pytest.raises(OSError, match=f"^{run}: cannot save the state. Received: "):
            save_state(run, model, Position(), "data")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (run / FILE).read_bytes() == before
    assert not list(run.glob(".tmp-*"))


@pytest.mark.whole
def test_a_lost_image_ends_a_strict_run_in_one_line(ended, tmp_path, shapes_data):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(shapes_data, data)
    more = ("--set", "data.on_error=refuse", "--set", "data.cache=none")
    with once_in_epoch(run, 0, (data / "images" / "train_00003.jpg").unlink):
        code, errors = ended(*request(data, run, *more))
    assert code == 2 and "train_00003" in errors.splitlines()[-1]
    assert f"{run} holds the last state" in errors and "Traceback" not in errors
    assert read_position(run).epoch < 3


def test_a_state_comes_back_as_it_was(config, tmp_path):
    model = yolact_tf.build_yolact(config)
    compile_model(model, config, 10)
    position = Position(epoch=3, batch=7, seconds=12.5, best=0.25, waited=2)
    save_state(tmp_path, model, position, "data")
    values = [np.array(v) for v in model.variables]
    for variable in model.trainable_variables:
        variable.assign(variable + 1)
    assert load_state(tmp_path, model, "data") == position
    for variable, value in zip(model.variables, values, strict=True):
        assert_array_equal(variable, value)
    with pytest.raises(ValueError, match="Received other annotations"):
        load_state(tmp_path, model, "other data")
    with pytest.raises(FileNotFoundError, match=f"expected {FILE} to resume from. Received none"):
        load_state(tmp_path / "none", model, "data")
