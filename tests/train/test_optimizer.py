import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.recipes import load_config
from yolact_tf.train.optimizer import (
    FiniteSteps,
    ReferenceSGD,
    build_optimizer,
    scaled_rate,
    schedule_of,
    steps_done,
)
from yolact_tf.train.schedule import LearningRate


def test_reference_sgd_worked_by_hand():
    # v <- .9 v + (g + .1 w), w <- w - rate v, with g = 1, w = 2 and a rate that falls to a tenth.
    w = keras.Variable([2.0])
    optimizer = ReferenceSGD(learning_rate=0.5, momentum=0.9, l2=0.1)
    optimizer.apply([np.array([1.0], "f")], [w])
    assert_allclose(w, [2 - 0.5 * 1.2])  # v = 1.2, w = 1.4
    optimizer.learning_rate = 0.05
    optimizer.apply([np.array([1.0], "f")], [w])
    assert_allclose(w, [1.4 - 0.05 * (0.9 * 1.2 + 1.14)], rtol=1e-6)


def test_it_differs_from_keras_sgd_when_the_rate_changes():
    ours, theirs = keras.Variable([2.0]), keras.Variable([2.0])
    first = ReferenceSGD(0.5, momentum=0.9, l2=0.0)
    second = keras.optimizers.SGD(0.5, momentum=0.9)
    for rate, same in ((0.5, True), (0.05, False)):
        first.learning_rate = second.learning_rate = rate
        first.apply([np.array([1.0], "f")], [ours])
        second.apply([np.array([1.0], "f")], [theirs])
        assert np.allclose(ours, theirs) == same


def test_a_trajectory_over_warm_up_and_a_step_worked_by_hand():
    """PyTorch's loop written out in numbers, with the released schedule on a run of ten steps."""
    rate = LearningRate(1e-1, 10, warmup_steps=2, warmup_learning_rate=1e-2, decay_at=(0.5,))
    optimizer = ReferenceSGD(rate, momentum=0.9, l2=0.1)
    w = keras.Variable([2.0])
    gradients = [1.0, -0.5, 0.25, 2.0, -1.0, 0.5, 0.0]
    # Rates: 0.01, 0.055 and 0.1 of the warm-up, 0.1 until step 5, a tenth of it from there.
    rates = [0.01, 0.055, 0.1, 0.1, 0.1, 0.01, 0.01]
    expected, velocity = 2.0, 0.0
    for gradient, own_rate in zip(gradients, rates, strict=True):
        velocity = 0.9 * velocity + (gradient + 0.1 * expected)
        expected -= own_rate * velocity
        optimizer.apply([np.array([gradient], "f")], [w])
        assert_allclose(w, [expected], rtol=1e-5)
    assert_allclose(expected, 1.2566756, atol=1e-6)


def test_a_step_that_is_not_finite_changes_nothing():
    w, frozen = keras.Variable([2.0, 3.0]), keras.Variable([1.0])
    optimizer = FiniteSteps(ReferenceSGD(0.5, momentum=0.9, l2=0.0, use_ema=True, ema_momentum=0.5))
    optimizer.apply([np.float32([1, 1]), np.float32([1])], [w, frozen])
    before = [np.array(v) for v in (w, frozen, *optimizer.variables)]
    for bad in (np.nan, np.inf, -np.inf):
        optimizer.apply([np.float32([1, bad]), np.float32([1])], [w, frozen])
        after = [np.array(v) for v in (w, frozen, *optimizer.variables)]
        for one, other in zip(before, after, strict=True):
            assert np.array_equal(one, other)
    optimizer.apply([np.float32([1, 1]), np.float32([1])], [w, frozen])
    assert_allclose(w, [2 - 0.5 - 0.5 * 1.9, 3 - 0.5 - 0.5 * 1.9])  # v = 1, then .9 + 1


def test_skipping_survives_serialisation():
    optimizer = FiniteSteps(ReferenceSGD(LearningRate(1e-3, 50), momentum=0.8))
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, FiniteSteps) and again.inner_optimizer.momentum == 0.8
    assert float(again.learning_rate) == float(optimizer.learning_rate)


def test_accumulated_gradients_make_the_step_of_a_larger_batch():
    one, two = keras.Variable([2.0]), keras.Variable([2.0])
    whole = ReferenceSGD(0.1)
    parts = ReferenceSGD(0.1, gradient_accumulation_steps=2)
    for a, b in ((1.0, 3.0), (-2.0, 0.0)):
        whole.apply([np.float32([(a + b) / 2])], [one])
        parts.apply([np.float32([a])], [two])
        parts.apply([np.float32([b])], [two])
        assert_allclose(two, one, rtol=1e-6)


def test_steps_are_batches_however_many_make_an_update():
    optimizer = build_optimizer(load_config("tiny_256", ["train.accumulate=3"]), steps_per_epoch=40)
    w = keras.Variable([0.0])
    for _ in range(4):
        optimizer.apply([np.float32([1])], [w])
    assert int(steps_done(optimizer)) == 4 and int(optimizer.iterations) == 1
    assert float(optimizer.learning_rate) == float(schedule_of(optimizer)(4))


def test_a_batch_size_that_this_machine_decides_is_none_yet():
    config = load_config("tiny_256", ["train.batch_size=auto"])
    with pytest.raises(ValueError, match="`train.batch_size` must be a number here.*Received: auto"):
        build_optimizer(config)
    with pytest.raises(ValueError, match="`train.batch_size` must be a number here.*Received: auto"):
        build_optimizer(config, steps_per_epoch=40)


def test_the_schedule_can_be_stretched_while_it_runs():
    optimizer = ReferenceSGD(LearningRate(1.0, 100, schedule="cosine", warmup_steps=0))
    w = keras.Variable([0.0])
    for _ in range(50):
        optimizer.apply([np.float32([0])], [w])
    assert float(optimizer.learning_rate) == pytest.approx(0.5)
    optimizer.total_steps.assign(50)
    assert float(optimizer.learning_rate) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ([], 1e-3),
        (["train.batch_size=16"], 2e-3),
        (["train.batch_size=4", "train.accumulate=3"], 1.5e-3),
        (["train.batch_size=16", "train.nominal_batch=0"], 1e-3),
    ],
)
def test_the_rate_grows_with_the_batch(settings, expected):
    assert scaled_rate(load_config("resnet50_550", settings).train) == pytest.approx(expected)


def test_the_optimizer_follows_its_config():
    assert isinstance(build_optimizer(load_config("resnet50_550")).inner_optimizer, ReferenceSGD)
    settings = ["train.ema=0.99", "train.accumulate=2", "train.gradient_clip=3"]
    adamw = build_optimizer(load_config("tiny_256", settings), steps_per_epoch=40).inner_optimizer
    assert isinstance(adamw, keras.optimizers.AdamW)
    assert adamw.use_ema and adamw.gradient_accumulation_steps == 2 and adamw.global_clipnorm == 3
    half = build_optimizer(load_config("tiny_256", ["train.precision=mixed_float16"]), 40)
    assert isinstance(half, keras.optimizers.LossScaleOptimizer) and not isinstance(half, FiniteSteps)
