"""How fast a training goes and how long it still takes; a person reads both off the progress."""

import math
import time
from collections.abc import Callable

import keras


class Throughput(keras.callbacks.Callback):
    """Adds `images_per_second` to the logs of each epoch and estimates the time that is left.

    Speed is that of the training steps alone, from the end of an epoch's first step on, which may compile.
    remaining_seconds: a function that says what is left of a budget of time, where there is one.
    """

    def __init__(self, batch_size: int, remaining_seconds: Callable[[], float] | None = None):
        super().__init__()
        self.batch_size, self.remaining_seconds = batch_size, remaining_seconds
        self.step = 0  # steps done of the epoch
        self._started = time.monotonic()
        self._first = self._last = None
        self._steps, self._seconds = 0, 0.0  # of past epochs, their first steps left out
        # Seconds from the last step of an epoch to the end of the next one's first.
        self._gaps: list[float] = []

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        steps, seconds = self._measured()
        self._steps, self._seconds = self._steps + steps, self._seconds + seconds
        self.epoch, self.step, self._first = epoch, 0, None

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        if self._first is None:
            self._first, self._first_step = now, batch
            if self._last is not None:
                self._gaps.append(now - self._last)
        self.step, self._last = batch + 1, now

    def on_epoch_end(self, epoch, logs=None):
        logs["images_per_second"] = self.images_per_second

    @property
    def elapsed(self) -> float:
        """Seconds since this training, or its continuation, began."""
        return time.monotonic() - self._started

    @property
    def images_per_second(self) -> float:
        """Images a second in this epoch; NaN before its second step."""
        steps, seconds = self._measured()
        return steps * self.batch_size / seconds if seconds > 0 else math.nan

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last epoch is done or the budget is used up; None where it cannot be told."""
        estimates = [self._estimate(), self.remaining_seconds() if self.remaining_seconds else None]
        return min((max(e, 0.0) for e in estimates if e is not None), default=None)

    def _measured(self):
        """(steps, seconds) of this epoch after its first step."""
        if self._first is None:
            return 0, 0.0
        return self.step - 1 - self._first_step, self._last - self._first

    def _estimate(self):
        steps, seconds = self._measured()
        steps, seconds = steps + self._steps, seconds + self._seconds
        if not steps or not self.params["steps"]:
            return None
        per_step = seconds / steps
        epochs_left = self.params["epochs"] - self.epoch - 1
        gap = sum(self._gaps) / len(self._gaps) if self._gaps else per_step
        per_epoch = (self.params["steps"] - 1) * per_step + gap
        return (self.params["steps"] - self.step) * per_step + epochs_left * per_epoch
