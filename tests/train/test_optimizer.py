import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.recipes import load_config
from yolact_tf.train.optimizer import LearningRate, ReferenceSGD, build_optimizer


def test_the_reference_schedule_worked_by_hand():
    # Warm-up 1e-4 -> 1e-3 over 500 steps, then a tenth at 280k, 600k, 700k, 750k of 800k.
    rate = LearningRate(1e-3, 800_000)
    for step, expected in [
        (0, 1e-4),
        (250, 5.5e-4),
        (500, 1e-3),
        (279_999, 1e-3),
        (280_000, 1e-4),
        (600_000, 1e-5),
        (700_000, 1e-6),
        (750_000, 1e-7),
    ]:
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4), step


def test_cosine_goes_from_the_peak_to_nothing():
    rate = LearningRate(2e-3, 1000, schedule="cosine", warmup_steps=100, warmup_learning_rate=1e-4)
    assert float(rate(100)) == pytest.approx(2e-3)
    assert float(rate(550)) == pytest.approx(1e-3)
    assert float(rate(1000)) == pytest.approx(0, abs=1e-9)


def test_schedules_survive_serialisation():
    rate = LearningRate(1e-3, 100, schedule="cosine")
    again = LearningRate.from_config(rate.get_config())
    assert float(again(40)) == float(rate(40))


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


def test_the_optimizer_follows_its_config():
    assert isinstance(build_optimizer(load_config("resnet50_550")), ReferenceSGD)
    adamw = build_optimizer(load_config("tiny_256", ["train.ema=0.99"]), steps_per_epoch=40)
    assert isinstance(adamw, keras.optimizers.AdamW)
    assert adamw.use_ema
    half = build_optimizer(load_config("tiny_256", ["train.precision=mixed_float16"]), 40)
    assert isinstance(half, keras.optimizers.LossScaleOptimizer)
