"""Going on from any batch of a training gives what nothing stopped gives, bit by bit."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

from tests.coco_folder import rectangle, write_folder
from yolact_tf.data.load import load_data
from yolact_tf.data.training_order import training_order
from yolact_tf.fields import override
from yolact_tf.recipes import load_config
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.resume import accept_changes, fit_from
from yolact_tf.train.state import (
    FILE,
    KeepState,
    Position,
    digest_of,
    load_state,
    read_position,
    save_state,
)
from yolact_tf.train.watch.callbacks import LogLearningRate
from yolact_tf.train.watch.progress import ReportProgress
from yolact_tf.train.watch.run_log import LogEpochs, cut_log, read_log
from yolact_tf.train.watch.throughput import Throughput

STEPS, EPOCHS, BATCH = 4, 2, 2
CONFIG = load_config("tiny_256", ["train.accumulate=2", "train.ema=0.9", f"train.epochs={EPOCHS}"])
BATCHES = [(epoch, batch) for epoch in range(EPOCHS) for batch in range(STEPS)]


class Numbers:
    """A source of five numbers."""

    num_images = 5

    def order(self, seed):
        return tf.data.Dataset.range(5).map(lambda i: tf.random.experimental.index_shuffle(i, seed, 4))


def build_dataset(first_epoch, first_batch):
    views = training_order(Numbers(), STEPS * BATCH, 7, first_epoch, first_batch * BATCH)
    examples = views.map(
        lambda _, handles, seed: (tf.cast(handles, tf.float32), tf.cast(seed[:1], tf.float32))
    )
    return examples.take(STEPS * BATCH).batch(BATCH)


class Validation(keras.callbacks.Callback):
    """Adds a number to the logs, and fails after the epoch `fails_after` as the service of a logger may."""

    best, waited = -1.0, 0

    def __init__(self, fails_after):
        super().__init__()
        self.fails_after = fails_after

    def on_epoch_end(self, epoch, logs=None):
        logs["sum"] = self.best = float(np.sum(self.model.get_weights()[0]))
        self.waited += 1
        if epoch == self.fails_after:
            raise ConnectionError("the service is down")


class Copies(keras.callbacks.Callback):
    """A report that remembers, and copies the run to EPOCH-BATCH beside it with the state of each batch."""

    interval = 0.0

    def __init__(self, run):
        super().__init__()
        self.run, self.statuses, self.rows = run, [], []
        self.status, self.row = self.statuses.append, self.rows.append

    def on_train_batch_end(self, batch, logs=None):
        position = read_position(self.run)
        shutil.copytree(self.run, self.run.with_name(f"{position.epoch}-{position.batch}"))


def go_on(run, fails_after=None, copies=False):
    """Trains from the state in `run`, or from the start where there is none; returns what was reported."""
    built = []

    def build(**position):
        built.append(position)
        return build_dataset(**position)

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile(build_optimizer(CONFIG, STEPS), "mse")
    model.optimizer.build(model.trainable_variables)
    start = load_state(run, model, "data") if (run / FILE).is_file() else Position()
    cut_log(run / "log.csv", start.epoch)
    keep = KeepState(run, "data", start, 0, lambda: None)
    keep.validation = validation = Validation(fails_after)
    validation.best, validation.waited = start.best, start.waited
    pace, notes = Throughput(BATCH), Copies(run)
    log = LogEpochs(run / "log.csv")
    callbacks = [validation, LogLearningRate(), pace, log, ReportProgress(notes, pace), keep]
    fit_from(start, model, build, [*callbacks, notes] if copies else callbacks, EPOCHS, STEPS)
    assert len(built) <= 1  # one that is cached in memory reads all images
    return notes


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of the run that nothing stopped; beside it copies with the state of each batch."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    run.mkdir()
    go_on(run, copies=True)
    return run


def assert_equal_runs(run, whole):
    states = [load_file(folder / FILE) for folder in (run, whole)]
    assert set(states[0]) == set(states[1])
    for name, value in states[1].items():
        assert_array_equal(states[0][name], value, err_msg=name)
    ours, theirs = (replace(read_position(folder), seconds=0) for folder in (run, whole))
    assert ours == theirs == Position(epoch=EPOCHS, best=theirs.best, waited=EPOCHS)
    ours, theirs = (read_log(folder / "log.csv") for folder in (run, whole))
    assert theirs["epoch"] == [0, 1]
    for column in set(theirs) - {"images_per_second"}:
        assert_array_equal(ours[column], theirs[column], err_msg=column)


@pytest.mark.parametrize(("epoch", "batch"), [(epoch, batch + 1) for epoch, batch in BATCHES])
def test_a_run_goes_on_from_any_batch_to_the_same_bits(epoch, batch, whole, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(whole.with_name(f"{epoch}-{batch}"), run)
    notes = go_on(run)
    assert_equal_runs(run, whole)
    # Each batch that was left, once, by its number in its epoch.
    left = [(e + 1, b + 1) for e, b in BATCHES if (e, b) >= (epoch, batch)]
    assert [(status.epoch, status.step) for status in notes.statuses] == left
    # None where no two steps of an epoch tell how long one takes.
    times = [status.seconds_left for status in notes.statuses if status.seconds_left is not None]
    assert len(times) >= len(left) - 2 and all(times[:-1]) and not any(times[-1:])
    assert [row.epoch for row in notes.rows] == list(range(epoch + 1, EPOCHS + 1))


@pytest.mark.whole
@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_what_fails_after_an_epoch_is_made_up_for_without_it(epoch, whole, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(ConnectionError):
        go_on(run, fails_after=epoch)
    assert replace(read_position(run), seconds=0, best=0) == Position(epoch, STEPS, 0, 0, epoch)
    assert len(go_on(run).statuses) == STEPS * (EPOCHS - 1 - epoch)
    assert_equal_runs(run, whole)


def compiled():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(build_optimizer(CONFIG, STEPS), "mse")
    return model


@pytest.fixture
def run_at(tmp_path):
    """Makes the state of a run at a Position; returns its folder."""

    def save(*position):
        save_state(tmp_path, compiled(), Position(*position), "data")
        return tmp_path

    return save


def digest(data):
    return digest_of(*(load_data(data, split) for split in ("train", "val")))


def test_image_files_that_vanish_or_come_back_are_refused_with_their_number(tmp_path):
    pictures = {f"{name}.png": (30, 40) for name in "abc"}
    write_folder(tmp_path, pictures, [rectangle(1, 1, 1, 9, 9)], splits=("train", "val"))
    first, second = (tmp_path / "images" / f"{name}.png" for name in "bc")
    model = compiled()
    save_state(tmp_path, model, Position(), digest(tmp_path))
    first.rename(tmp_path / "away")
    fewer = digest(tmp_path)
    with pytest.raises(ValueError) as caught:
        load_state(tmp_path, model, fewer)
    message = str(caught.value)
    assert "the image files that the run was trained on, 3 training and 3 validation images (" in message
    assert "Received 2 training and 2 validation images (" in message and "\n" not in message
    save_state(tmp_path, model, Position(), fewer)
    second.rename(first)  # as many, but others
    with pytest.raises(ValueError, match="expected the image files .*, 2 training .* Received 2 training"):
        load_state(tmp_path, model, digest(tmp_path))
    save_state(tmp_path, model, Position(), fewer.partition(";")[0])  # as older versions did
    assert load_state(tmp_path, model, fewer) == Position()


def cut(file):
    file.write_bytes(file.read_bytes()[:-9])


def zero(file):
    file.write_bytes(bytes(200))


def empty(file):
    file.write_bytes(b"")


def put_another_file(file):
    save_file({"a": np.zeros(3)}, file)


def lose_the_place(file):
    save_file(load_file(file), file, metadata={"data": "data", "position": '{"epoch": 1, "step": 2}'})


@pytest.mark.parametrize("damage", [cut, zero, empty, put_another_file, lose_the_place])
def test_a_damaged_state_is_refused_in_one_line(damage, run_at):
    run = run_at(1, 2)
    damage(run / FILE)
    for read in (read_position, lambda run: load_state(run, compiled(), "data")):
        with pytest.raises(ValueError) as caught:
            read(run)
        assert str(caught.value).startswith(f"{run / FILE}: expected the whole state of a run. Received: ")
        assert "\n" not in str(caught.value)


def test_how_a_run_is_run_may_change_and_is_named(tmp_path, caplog):
    settings = (
        *("data.cache=none", "train.devices=2", "train.save_minutes=1", "train.loggers=wandb"),
        *("data.on_error=refuse", "data.deterministic=false"),
        *("train.validate_every=5", "train.patience=3", "train.max_skipped=9", "train.jit_compile=true"),
    )
    accept_changes(override(CONFIG, settings), CONFIG, tmp_path, STEPS)
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path} goes on with data.on_error 'refuse', not 'skip'; data.cache 'none', ")
    assert line.count(", not ") == len(settings)


def test_what_is_computed_may_not(tmp_path):
    changed = override(CONFIG, ["data.mirror=false", "train.devices=2", "train.learning_rate=1"])
    with pytest.raises(ValueError) as caught:
        accept_changes(changed, CONFIG, tmp_path, STEPS)
    assert str(caught.value) == (
        f"--resume expects the recipe of the run {tmp_path}. Received other values: "
        "data.mirror False, not True; train.learning_rate 1.0, not 0.002"
    )


CONSTANT = ("train.schedule=steps", "train.decay_at=", "train.warmup_steps=2")
STEPPED = ("train.schedule=steps", "train.decay_at=0.5", "train.warmup_steps=2")
THAWING = (*CONSTANT, "train.freeze=backbone", "train.thaw_at=0.5")
COSINE = ("train.schedule=cosine", "train.warmup_steps=2")


@pytest.mark.parametrize(
    ("schedule", "epoch", "batch", "epochs", "is_accepted"),
    [
        (CONSTANT, 10, 0, 20, True),
        (CONSTANT, 3, 1, 5, True),
        (CONSTANT, 4, 1, 4, False),  # shorter than what is done
        (STEPPED, 5, 0, 11, True),  # the rate falls after step 20 of 40; 20 are done
        (STEPPED, 5, 1, 11, False),
        (STEPPED, 4, 0, 8, True),
        (STEPPED, 4, 1, 8, False),  # it would have fallen after step 16 of 32
        (THAWING, 5, 0, 11, True),  # thaws after step 20 of 40
        (THAWING, 5, 1, 11, False),
        (COSINE, 1, 1, 20, True),  # within the warm-up, of 2 updates of 2 steps, and its peak
        (COSINE, 1, 2, 20, False),
    ],
)
def test_epochs_may_change_as_long_as_no_step_had_another_rate(
    schedule, epoch, batch, epochs, is_accepted, run_at, caplog
):
    known = override(CONFIG, [*schedule, "train.epochs=10"])
    run, changed = run_at(epoch, batch), override(known, [f"train.epochs={epochs}"])
    if is_accepted:
        accept_changes(changed, known, run, STEPS)
        assert caplog.messages == [f"{run} goes on with train.epochs {epochs}, not 10"]
        return
    with pytest.raises(ValueError) as caught:
        accept_changes(changed, known, run, STEPS)
    assert str(caught.value).endswith(
        f"Received other values: train.epochs {epochs}, not 10, which changes the learning rates of the "
        f"{STEPS * epoch + batch} steps that are done"
    )


@pytest.mark.parametrize(
    ("epoch", "batch", "epochs", "is_accepted"),
    [
        (5, 0, 12, True),  # the end moves from step 20 of 40 to 24 of 48; 20 are done
        (5, 1, 12, False),
        (4, 0, 8, True),  # to step 16 of 32
        (4, 1, 8, False),
    ],
)
def test_epochs_may_change_as_long_as_no_step_had_other_views(epoch, batch, epochs, is_accepted, run_at):
    settings = (*CONSTANT, "train.epochs=10", "data.copy_paste=0.5", "data.unmixed_end=0.5")
    known = override(CONFIG, settings)
    run, changed = run_at(epoch, batch), override(known, [f"train.epochs={epochs}"])
    if is_accepted:
        accept_changes(changed, known, run, STEPS)
        return
    with pytest.raises(ValueError) as caught:
        accept_changes(changed, known, run, STEPS)
    assert str(caught.value).endswith(
        f"train.epochs {epochs}, not 10, which moves the end of mosaic and copy-paste (`data.unmixed_end`) "
        f"within the {STEPS * epoch + batch} steps that are done"
    )
    same = override(changed, ["data.copy_paste=0"])
    accept_changes(same, override(known, ["data.copy_paste=0"]), run, STEPS)


def test_a_clock_makes_epochs_meaningless(tmp_path):
    known = override(CONFIG, ["train.minutes=5"])
    accept_changes(override(known, ["train.epochs=99"]), known, tmp_path, STEPS)
