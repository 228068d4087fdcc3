"""The progress of `fit`, told to whoever shows it."""

import math
import time

import keras

from yolact_tf.train.optimizer import schedule_of, steps_done
from yolact_tf.training_progress import EpochRow, Status


class ReportProgress(keras.callbacks.Callback):
    """Tells a `training_report` where the training stands, and each epoch's numbers when it is over.

    It comes after the callbacks that add to the logs.  pace: the Pace of the same `fit`.
    """

    def __init__(self, report, pace):
        super().__init__()
        self.report, self.pace = report, pace
        self._last = -math.inf

    def on_train_begin(self, logs=None):
        optimizer = self.model.optimizer
        # Counted here: with JAX the optimiser knows its step only between epochs.
        self._schedule, self._step = schedule_of(optimizer), int(steps_done(optimizer))

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
                epochs=None if self.pace.remaining_seconds else self.params["epochs"],
                step=batch + 1,
                steps=self.params["steps"],
                losses=_losses(logs),
                learning_rate=float(self._schedule(self._step)),
                images_per_second=self.pace.images_per_second,
                seconds_left=self.pace.seconds_left,
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
                elapsed=self.pace.elapsed,
            )
        )


def _losses(logs):
    """The losses among logs, their sum first."""
    parts = {name: float(value) for name, value in logs.items() if name.endswith("_loss")}
    return {"loss": float(logs["loss"]), **parts}
