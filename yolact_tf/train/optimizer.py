"""The optimiser of a config: the reference's SGD, or AdamW, each on its learning-rate schedule."""

import math

import keras
from keras import ops

from yolact_tf.replicas import num_replicas, sum_over_replicas

# Shorter memory than the usual .999: runs here are thousands of steps, not hundreds of thousands.
ADAM_BETA_2 = 0.98


def build_optimizer(config, steps_per_epoch=None):
    """The optimiser of `config.train`, its schedule spread over the whole run.

    steps_per_epoch: batches an epoch; without it, `train.images_per_epoch` or COCO 2017's 117 266
    images decide.
    """
    train = config.train
    if steps_per_epoch is None:
        steps_per_epoch = max(1, (train.images_per_epoch or 117_266) // train.batch_size)
    total_steps = train.epochs * steps_per_epoch
    rate = LearningRate(
        train.learning_rate,
        total_steps,
        schedule=train.schedule,
        warmup_steps=min(train.warmup_steps, total_steps // 5),
        warmup_learning_rate=min(train.warmup_learning_rate, train.learning_rate),
        decay_at=train.decay_at,
        decay_factor=train.decay_factor,
    )
    options = {"use_ema": True, "ema_momentum": train.ema} if train.ema else {}
    if train.gradient_clip:
        options["global_clipnorm"] = train.gradient_clip
    if train.optimizer == "adamw":
        optimizer = AdamW(rate, weight_decay=train.weight_decay, beta_2=ADAM_BETA_2, **options)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        optimizer = ReferenceSGD(rate, train.momentum, train.weight_decay, **options)
    if train.precision == "mixed_float16":
        optimizer = LossScaleOptimizer(optimizer)
    return optimizer


@keras.saving.register_keras_serializable(package="yolact_tf")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then steps (YOLACT §6) or half a cosine, over a run of `total_steps`."""

    def __init__(
        self,
        learning_rate,
        total_steps,
        *,
        schedule="steps",
        warmup_steps=500,
        warmup_learning_rate=1e-4,
        decay_at=(0.35, 0.75, 0.875, 0.9375),
        decay_factor=0.1,
    ):
        self.settings = {
            "learning_rate": learning_rate,
            "total_steps": total_steps,
            "schedule": schedule,
            "warmup_steps": warmup_steps,
            "warmup_learning_rate": warmup_learning_rate,
            "decay_at": tuple(decay_at),
            "decay_factor": decay_factor,
        }

    def __call__(self, step):
        """Rate of the 0-based `step`."""
        settings = self.settings
        step = ops.cast(step, "float32")
        peak, first = settings["learning_rate"], settings["warmup_learning_rate"]
        warmup = max(settings["warmup_steps"], 1)
        warm = first + (peak - first) * step / warmup
        later = self._cosine(step) if settings["schedule"] == "cosine" else self._steps(step)
        return ops.where(step <= settings["warmup_steps"], warm, peak * later)

    def _steps(self, step):
        total, factor = self.settings["total_steps"], self.settings["decay_factor"]
        passed = [ops.cast(step >= share * total, "float32") for share in self.settings["decay_at"]]
        return ops.power(ops.cast(factor, "float32"), sum(passed, ops.zeros_like(step)))

    def _cosine(self, step):
        start, total = self.settings["warmup_steps"], self.settings["total_steps"]
        progress = (step - start) / max(total - start, 1)
        return 0.5 * (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))

    def get_config(self):
        return dict(self.settings)


class WholeClip:
    """Clips the gradient of the whole batch. Keras clips that of each replica, then sums them."""

    def _clip_gradients(self, grads):
        count = num_replicas()
        if count == 1 or not self.global_clipnorm:
            return super()._clip_gradients(grads)
        clipped = super()._clip_gradients(list(sum_over_replicas(dict(enumerate(grads))).values()))
        return [grad / count for grad in clipped]


@keras.saving.register_keras_serializable(package="yolact_tf")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras' own, with one answer for all replicas: gradients are summed where all are finite."""

    def check_finite(self, grads):
        finite = ops.cast(super().check_finite(grads), "int32")
        return sum_over_replicas(finite) == num_replicas()


@keras.saving.register_keras_serializable(package="yolact_tf")
class AdamW(WholeClip, keras.optimizers.AdamW):
    """Keras' AdamW."""


@keras.saving.register_keras_serializable(package="yolact_tf")
class ReferenceSGD(WholeClip, keras.optimizers.Optimizer):
    """SGD as PyTorch has it: v <- momentum·v + (g + decay·w), then w <- w - rate·v.

    Keras' SGD folds the rate into the velocity, so the two part ways whenever the rate changes, and
    its weight decay is decoupled. The decay is on every trainable tensor, batch norm and biases
    included (YOLACT §6, released code).
    """

    def __init__(self, learning_rate=1e-3, momentum=0.9, l2=5e-4, name="reference_sgd", **options):
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.momentum = momentum
        self.l2 = l2

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        rate = ops.cast(learning_rate, variable.dtype)
        step = ops.cast(gradient, variable.dtype) + self.l2 * variable
        self.assign(velocity, self.momentum * velocity + step)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "l2": self.l2}
