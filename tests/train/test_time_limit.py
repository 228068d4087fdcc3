"""Training by the wall clock."""

import keras
import numpy as np
import pytest

import yolact_tf
from yolact_tf.train import state
from yolact_tf.train import time_limit as budget
from yolact_tf.train.optimizer import build_optimizer, scaled_rate, schedule_of
from yolact_tf.train.time_limit import KeepToMinutes
from yolact_tf.train.trainer import train
from yolact_tf.train.watch.run_log import read_log


class Clock:
    """A clock that is set by hand, in seconds, or goes on by `tick` with every look at it."""

    now, tick = 100.0, 0.0

    def monotonic(self):
        self.now += self.tick
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(budget, "time", clock)
    return clock


@pytest.mark.whole
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_schedule_ends_when_the_time_does(clock, accumulate):
    """Steps of two seconds within a minute: thirty, however long the schedule was meant to be."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    config = yolact_tf.load_config("tiny_256", [f"train.accumulate={accumulate}"])
    optimizer = build_optimizer(config, steps_per_epoch=1000)
    model.compile(optimizer, loss="mse")
    optimizer.build(model.trainable_variables)
    began = clock.now
    keep = KeepToMinutes(1.0, lambda: clock.now - began)
    keep.set_model(model)
    keep.on_train_begin()
    model.stop_training = False
    steps = 0
    while not model.stop_training:
        optimizer.apply([np.zeros_like(v) for v in model.trainable_variables])
        clock.now += 2.0
        steps += 1
        keep.on_train_batch_end(steps)
        assert keep.remaining() == max(0, 60 - 2 * steps)
        if steps == 18:  # half of a cosine after a warm-up of six steps
            half = scaled_rate(config.train) / 2
            assert float(optimizer.learning_rate) == pytest.approx(half, rel=1e-3)
    assert steps == 30
    assert float(optimizer.inner_optimizer.total_steps) == pytest.approx(30, abs=0.1)
    assert schedule_of(optimizer).total_steps == pytest.approx(30, abs=0.1)
    assert float(optimizer.learning_rate) < 1e-6


def test_no_epoch_begins_after_the_time_is_over(clock):
    keep = KeepToMinutes(0.5, lambda: 31.0)
    keep.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    keep.model.stop_training = False
    keep.on_epoch_end(3)
    assert keep.is_over and keep.model.stop_training


@pytest.mark.whole
def test_a_run_of_some_seconds(clock, monkeypatch, shapes_data, small_settings, tmp_path):
    monkeypatch.setattr(state, "time", clock)
    clock.tick = 0.2
    settings = [
        *small_settings,
        "train.minutes=0.25",
        "train.images_per_epoch=40",
        "train.validate_every=1000",
        "data.copy_paste=0.5",
        "data.unmixed_end=0.9",
    ]
    train(yolact_tf.load_config("tiny_256", settings), shapes_data, tmp_path / "run")
    log = read_log(tmp_path / "run" / "log.csv")
    assert np.isfinite(log["val_mask_AP"][-1]) and not np.isfinite(log["val_mask_AP"][:-1]).any()
    assert state.read_position(tmp_path / "run").first_unmixed < 5 * len(log["epoch"])
    assert log["learning_rate"][-1] < 0.05 * max(*log["learning_rate"], 2e-3)
