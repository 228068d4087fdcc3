import math

import keras
import numpy as np
import pytest

from yolact_tf.train.watch.callbacks import LogLearningRate
from yolact_tf.train.watch.progress import ReportProgress
from yolact_tf.train.watch.throughput import Throughput


class Notes:
    """A report that remembers."""

    def __init__(self, interval):
        self.interval, self.statuses, self.rows = interval, [], []
        self.status, self.row = self.statuses.append, self.rows.append


class Validation(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["box_loss"] = 0.5
        logs["val_box_AP"] = logs["val_mask_AP"] = 0.25 if epoch else math.nan


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    rate = keras.optimizers.schedules.PolynomialDecay(0.5, 4, 0.125)
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


def fit(model, interval):
    notes, pace = Notes(interval), Throughput(4)
    callbacks = [LogLearningRate(), Validation(), pace, ReportProgress(notes, pace)]
    model.fit(np.ones((12, 2)), np.ones(12), 4, 2, verbose=0, callbacks=callbacks)
    return notes


def test_every_step_and_epoch_is_told(model):
    notes = fit(model, interval=0)
    assert [(s.epoch, s.step) for s in notes.statuses] == [(e, s) for e in (1, 2) for s in (1, 2, 3)]
    assert {(s.epochs, s.steps) for s in notes.statuses} == {(2, 3)}
    # The rate of the step to come falls by a quarter of the way a step.
    assert [s.learning_rate for s in notes.statuses][:5] == [0.40625, 0.3125, 0.21875, 0.125, 0.125]
    assert notes.statuses[-1].losses["loss"] > 0 and notes.statuses[-1].seconds_left == 0
    assert [row.epoch for row in notes.rows] == [1, 2]
    assert [row.mask_ap for row in notes.rows] == [pytest.approx(math.nan, nan_ok=True), 0.25]
    assert list(notes.rows[1].losses) == ["loss", "box_loss"]
    assert notes.rows[1].images_per_second > 0 and notes.rows[1].elapsed > 0


def test_no_more_is_told_than_the_report_wants(model):
    notes = fit(model, interval=3600)
    assert len(notes.statuses) == 1 and len(notes.rows) == 2
