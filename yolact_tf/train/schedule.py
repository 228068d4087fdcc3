"""Step to learning rate."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from yolact_tf.structures import Tensor


@keras.saving.register_keras_serializable(package="yolact_tf")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then steps (YOLACT §6) or half a cosine, over a run of `total_steps`.

    The warm-up takes `warmup_steps`, at most a fifth of the run.
    """

    def __init__(
        self,
        learning_rate: float,
        total_steps: float,
        *,
        schedule: str = "steps",
        warmup_steps: int = 500,
        warmup_learning_rate: float = 1e-4,
        decay_at: Sequence[float] = (0.35, 0.75, 0.875, 0.9375),
        decay_factor: float = 0.1,
    ):
        self.total_steps = total_steps
        self.settings: dict[str, Any] = {
            "learning_rate": learning_rate,
            "schedule": schedule,
            "warmup_steps": warmup_steps,
            "warmup_learning_rate": min(warmup_learning_rate, learning_rate),
            "decay_at": tuple(decay_at),
            "decay_factor": decay_factor,
        }

    def __call__(self, step: Tensor, total_steps: Tensor | None = None) -> Tensor:
        """Rate of the 0-based `step`. total_steps: what the run is now known to take."""
        step = ops.cast(step, "float32")
        total = ops.cast(self.total_steps if total_steps is None else total_steps, "float32")
        warmup = ops.minimum(float(self.settings["warmup_steps"]), ops.floor(total / 5))
        peak, first = self.settings["learning_rate"], self.settings["warmup_learning_rate"]
        warm = first + (peak - first) * step / ops.maximum(warmup, 1.0)
        is_cosine = self.settings["schedule"] == "cosine"
        later = self._cosine(step, warmup, total) if is_cosine else self._steps(step, total)
        return ops.where(step <= warmup, warm, peak * later)

    def _steps(self, step, total):
        passed = [ops.cast(step >= share * total, "float32") for share in self.settings["decay_at"]]
        factor = ops.cast(self.settings["decay_factor"], "float32")
        return ops.power(factor, sum(passed, ops.zeros_like(step)))

    def _cosine(self, step, start, total):
        progress = (step - start) / ops.maximum(total - start, 1.0)
        return 0.5 * (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))

    def get_config(self):
        return {**self.settings, "total_steps": self.total_steps}
