"""Runs that are interrupted: killed, stopped, out of disk, without their images. They go on bit by bit."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open

import yolact_tf
from yolact_tf.train.state import FILE, Position, load_state, read_position, save_state
from yolact_tf.train.trainer import train
from yolact_tf.train.watch.run_log import read_log

SETTINGS = [
    *("data.image_size=64", "data.max_objects=8", "anchors.sizes=6,12,24,48,64", "model.num_prototypes=8"),
    *("model.pyramid_channels=16", "model.prototype_channels=16", "model.head_channels=16"),
    *("train.epochs=3", "train.images_per_epoch=80", "train.validate_every=2", "train.ema=0.9"),
    *("loss.masks_per_image=4", "train.save_minutes=0", "train.accumulate=2"),
]


def command(data, run, *more):
    yolact = Path(sys.executable).with_name("yolact")
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    return [str(w) for w in (yolact, "train", "tiny_256", "--data", data, "--run", run, *settings, *more)]


def state_of(run):
    """(tensors, metadata) of a run's state."""
    with safe_open(run / FILE, "numpy") as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}, file.metadata()


def wait_for_batch(run, epoch, process):
    """Waits until a state of that epoch is saved, as long as the process lives."""
    while process.poll() is None:
        if (run / FILE).is_file() and f'"epoch": {epoch}' in state_of(run)[1]["position"]:
            return
        time.sleep(0.05)
    raise AssertionError(f"no state of epoch {epoch}; exit code {process.returncode}")


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
    with subprocess.Popen(
        command(shapes_data, folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as p:
        wait_for_batch(folder, 1, p)
        time.sleep(0.3)
        p.send_signal(signal.SIGKILL)
    return folder


class Removal:
    """A report that removes a file when training has begun."""

    interval = 0.0

    def __init__(self, path):
        self.path, self.row, self.validating = path, lambda row: None, lambda done, total: None

    def status(self, status):
        self.path.unlink(missing_ok=True)


def test_a_killed_run_goes_on_to_the_same_bits(config, whole, killed, shapes_data, tmp_path):
    """Also where the validation that comes next fails."""
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(shapes_data, data)
    shutil.copytree(killed, run)
    assert '"epoch": 1' in state_of(run)[1]["position"]
    with open(run / "log.csv", "a") as file:
        file.write("1,0.5,")  # a row that was cut off
    with pytest.raises(FileNotFoundError, match="val_00001"):
        train(config, data, run, resume=True, report=Removal(data / "images" / "val_00001.jpg"))
    position = read_position(run)
    assert (position.epoch, position.batch, position.waited) == (1, 20, 0)
    train(config, shapes_data, run, resume=True)
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


def test_a_finished_run_has_nothing_left_to_do(config, whole, shapes_data):
    before = (whole / FILE).read_bytes()
    run = train(config, shapes_data, whole, resume=True)
    assert run.path == whole and (whole / FILE).read_bytes() == before


def test_another_recipe_is_refused_with_the_differences(whole, shapes_data):
    other = yolact_tf.load_config("tiny_256", [*SETTINGS, "train.epochs=4", "data.mirror=false"])
    with pytest.raises(ValueError) as caught:
        train(other, shapes_data, whole, resume=True)
    assert str(caught.value) == (
        f"--resume expects the recipe of the run {whole}. Received other values: data.mirror False, not "
        "True; train.epochs 4, not 3, which changes the learning rates of the 60 steps that are done"
    )


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


def test_ctrl_c_saves_the_step_that_is_done(shapes_data, killed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(killed, run)
    # So many epochs that it cannot end before the signal comes.
    more = ("--resume", "--set", "train.save_minutes=10", "--set", "train.epochs=100")
    config = json.loads((run / "config.json").read_text())
    config["train"] |= {"save_minutes": 10.0, "epochs": 100}
    (run / "config.json").write_text(json.dumps(config))
    pipe = subprocess.PIPE
    with subprocess.Popen(command(shapes_data, run, *more), stdout=pipe, stderr=pipe, text=True) as process:
        wait_for_batch(run, 2, process)  # the end of the second epoch
        before = json.loads(state_of(run)[1]["position"])
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert f"{run} holds the last state; the same command with --resume goes on from it" in errors
    assert "Traceback" not in errors
    after = json.loads(state_of(run)[1]["position"])
    assert (after["epoch"], after["batch"]) > (before["epoch"], before["batch"])


def test_a_full_disk_leaves_the_last_state_whole(shapes_data, killed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(killed, run)
    before = (run / FILE).read_bytes()

    def small_files():  # writing more fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))

    done = subprocess.run(
        command(shapes_data, run, "--resume"), capture_output=True, text=True, preexec_fn=small_files
    )
    assert done.returncode == 2
    assert "--resume goes on from it" in done.stderr and "Traceback" not in done.stderr
    assert (run / FILE).read_bytes() == before
    assert not list(run.glob(".tmp-*"))


def test_a_lost_image_ends_a_strict_run_that_can_go_on(tmp_path, shapes_data):
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(shapes_data, data)
    more = ("--set", "data.on_error=refuse", "--set", "data.cache=none")
    picture = data / "images" / "train_00003.jpg"
    with subprocess.Popen(command(data, run, *more), stderr=subprocess.PIPE, text=True) as process:
        wait_for_batch(run, 0, process)
        picture.unlink()
        _, errors = process.communicate()
    assert process.returncode == 2 and "train_00003" in errors.splitlines()[-1]
    assert f"{run} holds the last state" in errors and "Traceback" not in errors
    shutil.copy(shapes_data / "images" / "train_00003.jpg", picture)
    settings = [*SETTINGS, "data.on_error=refuse", "data.cache=none"]
    train(yolact_tf.load_config("tiny_256", settings), data, run, resume=True)
    assert '"epoch": 3, "batch": 0' in state_of(run)[1]["position"]


def test_a_state_comes_back_as_it_was(config, tmp_path):
    from yolact_tf.train.trainer import compile_model

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
