"""The optimiser of a config: the reference's SGD, or AdamW, each on its learning-rate schedule, and none
takes a step that is not finite."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from yolact_tf.config import Config, TrainConfig
from yolact_tf.replicas import num_replicas, sum_over_replicas
from yolact_tf.structures import Tensor
from yolact_tf.train.depth import ByDepth
from yolact_tf.train.schedule import LearningRate

# Shorter memory than the usual .999: runs here are thousands of steps, not hundreds of thousands.
ADAM_BETA_2 = 0.98


def build_optimizer(config: Config, steps_per_epoch: int | None = None) -> keras.optimizers.Optimizer:
    """The optimiser of `config.train`, its schedule spread over the whole run.

    steps_per_epoch: batches an epoch; without it, `train.images_per_epoch` or COCO 2017's 117 266
    images decide.
    """
    train = config.train
    if steps_per_epoch is None:
        steps_per_epoch = max(1, (train.images_per_epoch or 117_266) // train.known_batch_size)
    rate = planned_rate(train, steps_per_epoch)
    options: dict[str, Any] = {"by_depth": _by_depth(train)}
    if train.ema:
        options |= {"use_ema": True, "ema_momentum": train.ema}
    if train.gradient_clip:
        options["global_clipnorm"] = train.gradient_clip
    if train.accumulate > 1:
        options["gradient_accumulation_steps"] = train.accumulate
    optimizer: keras.optimizers.Optimizer
    if train.optimizer == "adamw":
        optimizer = AdamW(rate, weight_decay=train.weight_decay, beta_2=ADAM_BETA_2, **options)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        optimizer = ReferenceSGD(rate, train.momentum, train.weight_decay, **options)
    if train.precision == "mixed_float16":
        return LossScaleOptimizer(optimizer)
    return FiniteSteps(optimizer)


def planned_rate(train: TrainConfig, steps_per_epoch: int) -> LearningRate:
    """The schedule of a run by its number of epochs. It counts steps, of which `train.accumulate` make an
    update: see `steps_done`."""
    return LearningRate(
        scaled_rate(train),
        train.epochs * steps_per_epoch,
        schedule=train.schedule,
        warmup_steps=train.warmup_steps * train.accumulate,
        warmup_learning_rate=train.warmup_learning_rate,
        decay_at=train.decay_at,
        decay_factor=train.decay_factor,
    )


def scaled_rate(train: TrainConfig) -> float:
    """The peak learning rate: that of the config, for as many images as make an update (batch autoscaling
    of the released code: in proportion; the warm-up's first rate and length stay)."""
    if not train.nominal_batch:
        return train.learning_rate
    return train.learning_rate * train.known_batch_size * train.accumulate / train.nominal_batch


def _by_depth(train):
    """The arguments of `DepthRates`; what never thaws has no part in training at all."""
    return {
        "backbone": train.backbone_rate,
        "layer_decay": train.layer_decay,
        "frozen": train.freeze if train.thaw_at else (),
        "thaw_at": train.thaw_at,
    }


class _OnSchedule:
    """Lets an optimiser's schedule depend on a number of steps that may change while it runs.

    `total_steps` is an optimiser variable, so that it is saved, restored and seen by compiled steps.
    """

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        steps = getattr(self._learning_rate, "total_steps", 1)
        self.total_steps = self.add_variable(
            (), initializer=keras.initializers.Constant(steps), dtype="float32", name="total_steps"
        )

    def _get_current_learning_rate(self):
        if self.built and isinstance(self._learning_rate, LearningRate):
            return self._learning_rate(steps_done(self), self.total_steps)
        return super()._get_current_learning_rate()


def unwrapped(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimiser that takes the steps: what `FiniteSteps` or a loss scale wraps."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def steps_done(optimizer: keras.optimizers.Optimizer) -> Tensor:
    """The scalar that counts the batches an optimiser was given gradients of, those left out aside.

    Whatever speaks of steps counts by it: the schedule, a budget of time, progress. Keras' own `iterations`
    counts updates, of which `train.accumulate` steps make one.
    """
    return unwrapped(optimizer)._iterations


def count_steps(optimizer: keras.optimizers.Optimizer) -> int:
    """`steps_done` as a number, between steps; a mirrored variable is none by itself."""
    return int(ops.convert_to_numpy(steps_done(optimizer)))


def set_total_steps(optimizer: keras.optimizers.Optimizer, steps: float) -> None:
    """Sets the length of the schedule: in the variable, which compiled steps read, and where it is shown."""
    unwrapped(optimizer).total_steps.assign(steps)
    schedule_of(optimizer).total_steps = steps


def schedule_of(optimizer: keras.optimizers.Optimizer) -> LearningRate:
    """The schedule of an optimiser from `build_optimizer`: steps to learning rates."""
    return unwrapped(optimizer)._learning_rate  # the public `learning_rate` is the rate of the present step


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

    def check_finite(self, grads: Sequence[Tensor]) -> Tensor:
        finite = ops.cast(super().check_finite(grads), "int32")
        return sum_over_replicas(finite) == num_replicas()


@keras.saving.register_keras_serializable(package="yolact_tf")
class AdamW(ByDepth, _OnSchedule, WholeClip, keras.optimizers.AdamW):
    """Keras' AdamW on a schedule that can be stretched, with learning rates by depth.

    Keras decays all variables at one rate before their steps; here the step of each does, at its own rate.
    """

    def _apply_weight_decay(self, variables):
        """Nothing."""

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        learning_rate = self.own_rate(variable, learning_rate)
        if self._use_weight_decay(variable):
            decay, rate = (ops.cast(x, variable.dtype) for x in (self.weight_decay, learning_rate))
            self.assign_sub(variable, variable * decay * rate)
        super().update_step(gradient, variable, learning_rate)


@keras.saving.register_keras_serializable(package="yolact_tf")
class ReferenceSGD(ByDepth, _OnSchedule, WholeClip, keras.optimizers.Optimizer):
    """SGD as PyTorch has it: v <- momentum·v + (g + decay·w), then w <- w - rate·v.

    Keras' SGD folds the rate into the velocity, so the two part ways whenever the rate changes, and
    its weight decay is decoupled. The decay is on every trainable tensor, batch norm and biases
    included (YOLACT §6, released code).
    """

    def __init__(
        self,
        learning_rate: keras.optimizers.schedules.LearningRateSchedule | float = 1e-3,
        momentum: float = 0.9,
        l2: float = 5e-4,
        name: str = "reference_sgd",
        **options: Any,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **options)
        self.momentum = momentum
        self.l2 = l2

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor) -> None:
        velocity = self.velocities[self._get_variable_index(variable)]
        rate = ops.cast(self.own_rate(variable, learning_rate), variable.dtype)
        step = ops.cast(gradient, variable.dtype) + self.l2 * variable
        self.assign(velocity, self.momentum * velocity + step)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "l2": self.l2}


@keras.saving.register_keras_serializable(package="yolact_tf")
class FiniteSteps(LossScaleOptimizer):
    """Leaves out each step of which a gradient is not finite: weights, velocities and step count stay.

    The released code applies a step only if its loss is finite. It is Keras' loss scaling with a scale
    that is always 1, since that does the same, for several devices and on every backend.
    """

    def __init__(self, inner_optimizer: keras.optimizers.Optimizer, name: str = "finite_steps"):
        super().__init__(inner_optimizer, initial_scale=1.0, dynamic_growth_steps=2**31 - 1, name=name)

    def _stateful_handle_non_finite_grads(self):
        """Nothing changes, not even the scale."""

    def _stateless_handle_non_finite_grads(self, optimizer_variables, trainable_variables):
        return list(trainable_variables), list(optimizer_variables)

    def get_config(self):
        config = super().get_config()
        return {name: config[name] for name in ("name", "inner_optimizer")}
