"""Steps that are not finite: left out, counted, and the end of training where there are many."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import yolact_tf
from yolact_tf.losses.finite import FiniteMean, SkippedSteps
from yolact_tf.train.non_finite import NonFiniteLoss, StopOnNonFinite

NAN, INFINITY = float("nan"), float("inf")


def test_a_mean_of_what_is_finite():
    mean = FiniteMean("m")
    for value in (1.0, NAN, 3.0, INFINITY, -INFINITY):
        mean.update_state(value)
    assert float(mean.result()) == 2 and float(mean.failures) == 2
    mean.reset_state()  # at the end of an epoch
    assert float(mean.result()) == 0 and float(mean.failures) == 2
    mean.update_state(5.0, sample_weight=4)
    assert float(mean.result()) == 5 and float(mean.failures) == 0


def test_skipped_steps_are_counted_by_the_epoch():
    skipped = SkippedSteps("s")
    for value in (1.0, NAN, 3.0, INFINITY):
        skipped.update_state(value)
    assert float(skipped.result()) == 2
    skipped.reset_state()
    assert float(skipped.result()) == 0


@pytest.fixture(scope="module")
def spoilt(small_settings, shapes_data):
    """(model whose semantic loss is NaN where all objects are crowds, a good batch, a bad one)."""
    config = yolact_tf.load_config("tiny_256", [*small_settings, "model.num_classes=6"])
    model = yolact_tf.build_yolact(config)
    loss = yolact_tf.YolactLoss(config)
    parts = loss.parts

    def sometimes_nan(truth, predictions, rescorer=None, training=True):
        found = parts(truth, predictions, rescorer, training)
        is_spoilt = keras.ops.all(truth["is_crowd"])
        found["semantic_loss"] = keras.ops.where(is_spoilt, NAN, found["semantic_loss"])
        return found

    loss.parts = sometimes_nan
    model.compile(yolact_tf.build_optimizer(config, 10), loss)
    images, truth = next(iter(yolact_tf.build_dataset(config, shapes_data, "train")))
    bad = {**truth, "is_crowd": keras.ops.ones_like(truth["is_crowd"])}
    return model, (images, truth), (images, bad)


@pytest.mark.whole
def test_such_a_step_is_left_out_and_training_goes_on(spoilt):
    model, good, bad = spoilt
    model.train_on_batch(*good)
    before = [np.array(v) for v in model.trainable_variables]
    steps = int(model.optimizer.iterations)
    logs = model.train_on_batch(*bad, return_dict=True)
    assert logs["skipped_steps"] == 1 and all(np.isfinite(value) for value in logs.values())
    for variable, value in zip(model.trainable_variables, before, strict=True):
        assert_array_equal(variable, value)
    assert int(model.optimizer.iterations) == steps
    model.train_on_batch(*good)
    assert int(model.optimizer.iterations) == steps + 1
    assert any((np.array(v) != b).any() for v, b in zip(model.trainable_variables, before, strict=True))


@pytest.mark.whole
def test_many_in_a_row_stop_with_the_name_and_the_step(spoilt):
    model, good, bad = spoilt
    stop = StopOnNonFinite(limit=3)
    stop.set_model(model)
    model.reset_metrics()
    stop.on_epoch_begin(0)
    step, skipped = int(model.optimizer.iterations) + 1, 0.0

    def step_on(batch):  # `train_on_batch` counts each batch alone, `fit` a whole epoch
        nonlocal skipped
        skipped += model.train_on_batch(*batch, return_dict=True)["skipped_steps"]
        stop.on_train_batch_end(0, {"skipped_steps": skipped})

    for batch in (bad, bad, good, bad, bad):
        step_on(batch)
    with pytest.raises(NonFiniteLoss) as caught:
        step_on(bad)
    assert str(caught.value).startswith(
        "`semantic_loss` must stay finite. Received: NaN or infinity for 3 steps in a row "
        f"after step {step}; none was applied."
    )
