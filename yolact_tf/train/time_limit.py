"""Training by the wall clock: as many steps as fit, on a schedule that ends with them."""

import time
from collections.abc import Callable

import keras

from yolact_tf.data.mixing_end import MixingEnd
from yolact_tf.train.optimizer import count_steps, set_total_steps

NO_LIMIT = 1_000_000  # epochs of a training that the clock ends
_FIRST_STEPS = 5  # whose duration says nothing: the first is traced and compiled
_EVERY = 1.0  # seconds between looks at the clock


class KeepToMinutes(keras.callbacks.Callback):
    """Ends training when `minutes` are over, and keeps the schedule's length at what will be reached.

    seconds: called without arguments, the seconds of training so far, those of validation among them.
    The number of steps that the time allows is worked out again all the time, from the pace so far: the
    learning rate reaches its end when the time does, however the machine's speed changes.
    """

    def __init__(self, minutes: float, seconds: Callable[[], float]):
        super().__init__()
        self.limit, self.seconds = 60 * minutes, seconds

    @property
    def is_over(self) -> bool:
        return self.seconds() >= self.limit

    def remaining(self) -> float:
        """Seconds left."""
        return max(0.0, self.limit - self.seconds())

    def on_train_begin(self, logs=None):
        self._steps, self._looked = 0, 0.0

    def on_train_batch_end(self, batch, logs=None):
        now = time.monotonic()
        self._steps += 1
        if self._steps == _FIRST_STEPS:
            self._mark = now
        elif self._steps > _FIRST_STEPS and now - self._looked > _EVERY:
            self._looked = now
            self._stretch((now - self._mark) / (self._steps - _FIRST_STEPS))
        if self.is_over:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        if self.is_over:
            self.model.stop_training = True

    def _stretch(self, pace):
        """Sets the length of the schedule; pace: seconds a step takes, with what comes between steps."""
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        optimizer = self.model.optimizer
        set_total_steps(optimizer, count_steps(optimizer) + self.remaining() / pace)


class CloseMixing(keras.callbacks.Callback):
    """Ends mosaic and copy-paste when `seconds()`, those of training so far, come to `limit`."""

    def __init__(self, mixing_end: MixingEnd, limit: float, seconds: Callable[[], float]):
        super().__init__()
        self.mixing_end, self.limit, self.seconds = mixing_end, limit, seconds

    def on_train_begin(self, logs=None):
        self._look()

    def on_train_batch_end(self, batch, logs=None):
        self._look()

    def _look(self):
        if self.seconds() >= self.limit:
            self.mixing_end.close()
