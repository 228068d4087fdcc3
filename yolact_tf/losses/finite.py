"""Losses that are not finite: left out of means, counted, and told to the optimiser through the gradient."""

import keras
from keras import ops

from yolact_tf.replicas import num_replicas
from yolact_tf.structures import Tensor


class FiniteMean(keras.metrics.Mean):
    """The mean of what is finite. `failures` is how many values in a row were not, across epochs."""

    def __init__(self, name: str, dtype: str | None = None):
        super().__init__(name=name, dtype=dtype)
        self.failures = self.add_variable((), initializer="zeros", name="failures")

    def update_state(self, value, sample_weight=None):
        is_finite = ops.cast(ops.isfinite(value), "float32")
        weight = 1.0 if sample_weight is None else ops.cast(sample_weight, "float32")
        super().update_state(ops.where(is_finite > 0, value, 0.0), sample_weight=is_finite * weight)
        self.failures.assign((self.failures + 1) * (1 - is_finite))

    def reset_state(self) -> None:
        failures = ops.copy(self.failures.value)
        super().reset_state()
        self.failures.assign(failures)


class SkippedSteps(keras.metrics.Sum):
    """How many values of an epoch were not finite; each replica tells its share of the one they have."""

    def update_state(self, value, sample_weight=None):
        super().update_state((1.0 - ops.cast(ops.isfinite(value), "float32")) / num_replicas())


def poison(loss: Tensor, number: Tensor) -> Tensor:
    """`loss`, which also gives NaN as the gradient of `number`, any one that it comes from, where it is
    not finite: then `FiniteSteps` skips the step. The gradients alone may be finite, behind a `where`."""
    return loss + ops.where(ops.isfinite(loss), 0.0, float("nan")) * number
