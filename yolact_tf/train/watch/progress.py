"""The progress of `fit`, told to whoever shows it."""

import math
import time
from dataclasses import dataclass
from typing import Protocol

import keras

from yolact_tf.train.optimizer import count_steps, schedule_of
from yolact_tf.train.watch.throughput import Throughput


@dataclass(frozen=True)
class Status:
    """Where a training stands within an epoch."""

    epoch: int  # counted from 1
    epochs: int | None  # at most; None where a budget of time ends the training
    step: int  # of the epoch, steps done
    steps: int | None  # None where the data does not tell
    losses: dict[str, float]  # means over the epoch thus far, the sum first
    learning_rate: float
    images_per_second: float  # NaN where nothing is measured yet
    seconds_left: float | None  # of the whole training


@dataclass(frozen=True)
class EpochRow:
    """What a finished epoch came to."""

    epoch: int  # counted from 1
    losses: dict[str, float]
    learning_rate: float
    images_per_second: float
    box_ap: float  # NaN where the epoch was not validated, -1 where there was nothing to find
    mask_ap: float
    elapsed: float  # seconds of training, of this process


class Report(Protocol):
    """What shows a training to a person."""

    interval: float  # seconds between statuses

    def status(self, status: Status) -> None:
        """Says where the training stands."""

    def validating(self, done: int, total: int) -> None:
        """Says how far a validation is."""

    def row(self, row: EpochRow) -> None:
        """Adds an epoch that is over."""


class ReportProgress(keras.callbacks.Callback):
    """Tells a `training_report` where the training stands, and each epoch's numbers when it is over.

    It comes after the callbacks that add to the logs.  throughput: the Throughput of the same `fit`.
    """

    def __init__(self, report: Report, throughput: Throughput):
        super().__init__()
        self.report, self.throughput = report, throughput
        self._last = -math.inf

    def on_train_begin(self, logs=None):
        optimizer = self.model.optimizer
        # Counted here: with JAX the optimiser knows its step only between epochs.
        self._schedule, self._step = schedule_of(optimizer), count_steps(optimizer)

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self._step += 1
        if now - self._last < self.report.interval:
            return
        self._last = now
        self.report.status(
            Status(
                epoch=self._epoch + 1,
                epochs=None if self.throughput.remaining_seconds else self.params["epochs"],
                step=batch + 1,
                steps=self.params["steps"],
                losses=_losses(logs),
                learning_rate=float(self._schedule(self._step)),
                images_per_second=self.throughput.images_per_second,
                seconds_left=self.throughput.seconds_left,
            )
        )

    def on_epoch_end(self, epoch, logs=None):
        self.report.row(
            EpochRow(
                epoch=epoch + 1,
                losses=_losses(logs),
                learning_rate=logs["learning_rate"],
                images_per_second=logs["images_per_second"],
                box_ap=logs.get("val_box_AP", math.nan),
                mask_ap=logs.get("val_mask_AP", math.nan),
                elapsed=self.throughput.elapsed,
            )
        )


def _losses(logs):
    """The losses among logs, their sum first."""
    parts = {name: float(value) for name, value in logs.items() if name.endswith("_loss")}
    return {"loss": float(logs["loss"]), **parts}
