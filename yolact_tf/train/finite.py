"""What happens to a step whose loss is not finite: it is left out, counted, and named when there are many."""

import keras
from keras import ops

from yolact_tf.replicas import num_replicas
from yolact_tf.train.optimizer import steps_done


class NonFiniteLoss(ArithmeticError):
    """A loss was infinite or NaN for too many steps in a row."""


class FiniteMean(keras.metrics.Mean):
    """The mean of what is finite. `failures` is how many values in a row were not, across epochs."""

    def __init__(self, name, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.failures = self.add_variable((), initializer="zeros", name="failures")

    def update_state(self, value, sample_weight=None):
        is_finite = ops.cast(ops.isfinite(value), "float32")
        weight = 1.0 if sample_weight is None else ops.cast(sample_weight, "float32")
        super().update_state(ops.where(is_finite > 0, value, 0.0), sample_weight=is_finite * weight)
        self.failures.assign((self.failures + 1) * (1 - is_finite))

    def reset_state(self):
        failures = ops.copy(self.failures.value)
        super().reset_state()
        self.failures.assign(failures)


class SkippedSteps(keras.metrics.Sum):
    """How many values of an epoch were not finite; each replica tells its share of the one they have."""

    def update_state(self, value, sample_weight=None):
        super().update_state((1.0 - ops.cast(ops.isfinite(value), "float32")) / num_replicas())


def poison(loss, number):
    """`loss`, which also gives NaN as the gradient of `number`, any one that it comes from, where it is
    not finite: then `FiniteSteps` skips the step. The gradients alone may be finite, behind a `where`."""
    return loss + ops.where(ops.isfinite(loss), 0.0, float("nan")) * number


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training after `limit` steps in a row whose loss was not finite, naming the loss and the step."""

    def __init__(self, limit):
        super().__init__()
        self.limit = limit
        self._skipped, self._in_a_row = 0.0, 0

    def on_epoch_begin(self, epoch, logs=None):
        # Of an epoch that is taken up again some may be known.
        self._skipped = sum(float(m.result()) for m in self.model.metrics if m.name == "skipped_steps")

    def on_train_batch_end(self, batch, logs=None):
        skipped = float(logs["skipped_steps"])
        self._in_a_row = self._in_a_row + 1 if skipped > self._skipped else 0
        self._skipped = skipped
        if self._in_a_row >= self.limit:
            culprit = self._culprit()
            step = int(ops.convert_to_numpy(steps_done(self.model.optimizer)))
            raise NonFiniteLoss(
                f"`{culprit}` must stay finite. Received: NaN or infinity for {self._in_a_row} steps in "
                f"a row after step {step}; none was applied. A lower train.learning_rate may help"
            )

    def _culprit(self):
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()
        failing = [m.name for m in self.model.metrics if getattr(m, "failures", 0) > 0]
        # Parts come before their sum, so that the culprit is named.
        return min(failing, key=lambda name: name == "loss", default="loss")
