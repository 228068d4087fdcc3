"""Learning rates by depth. Variables of a model are made up here, each with its place."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from yolact_tf.model.places import Place
from yolact_tf.train.batch_size import noise
from yolact_tf.train.depth import DepthRates
from yolact_tf.train.optimizer import AdamW, ReferenceSGD, WholeClip, build_optimizer
from yolact_tf.train.schedule import LearningRate

OPTIMIZERS = [
    lambda rate=0.125, **options: ReferenceSGD(rate, momentum=0.9, l2=0.1, **options),
    lambda rate=0.125, **options: AdamW(rate, weight_decay=0.1, **options),
]
parametrize_optimizers = pytest.mark.parametrize("make", OPTIMIZERS, ids=["sgd", "adamw"])


def variables():
    """Of the head, and of the second and the last stage of the backbone."""
    made = [keras.Variable(np.float32([2, -3, 5])) for _ in range(3)]
    for variable, place in zip(
        made, (Place("fpn/p"), Place("backbone/a", 2), Place("backbone/b", 5)), strict=True
    ):
        variable.place = place
    return made


def gradients(count, seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, 3)).astype("float32"))


def apply(optimizer, updated, steps, first=0):
    for step in range(first, first + steps):
        optimizer.apply(gradients(len(updated), step), updated)


@parametrize_optimizers
def test_shares_of_1_change_no_bit(make):
    ours, theirs = variables(), [keras.Variable(v.value) for v in variables()]
    apply(make(by_depth={"backbone": 1.0, "layer_decay": 1.0}), ours, 5)
    apply(make(), theirs, 5)
    for one, other in zip(ours, theirs, strict=True):
        assert_array_equal(one, other)


def test_decay_in_the_step_is_that_of_keras():
    class Theirs(WholeClip, keras.optimizers.AdamW):
        pass

    ours, theirs = variables(), variables()
    both = AdamW(0.1, weight_decay=0.1), Theirs(0.1, weight_decay=0.1)
    for optimizer, updated in zip(both, (ours, theirs), strict=True):
        optimizer.exclude_from_weight_decay([updated[0]])
        apply(optimizer, updated, 5)
    for one, other in zip(ours, theirs, strict=True):
        assert_array_equal(one, other)


@parametrize_optimizers
def test_a_share_is_that_of_the_rate_and_of_decay(make):
    """Powers of 2, so that no product is rounded: 1/2 of the rate for the last stage, 1/16 for the 2nd."""
    updated = variables()
    apply(make(by_depth={"backbone": 0.5, "layer_decay": 0.5}), updated, 5)
    for index, share in enumerate((1, 1 / 16, 1 / 2)):
        alone = variables()
        apply(make(0.125 * share), alone, 5)
        assert_array_equal(updated[index], alone[index])


def test_an_update_of_sgd_is_share_times_as_large():
    whole, shared = variables(), variables()
    apply(ReferenceSGD(0.1), whole, 1)
    apply(ReferenceSGD(0.1, by_depth={"backbone": 0.3}), shared, 1)
    start = variables()[2]
    assert_allclose(shared[2] - start, 0.3 * (whole[2] - start), rtol=1e-5)
    assert_array_equal(shared[0], whole[0])


@parametrize_optimizers
def test_a_share_of_0_stands_still(make):
    updated = variables()
    apply(make(by_depth={"backbone": 0.0}), updated, 5)
    assert_array_equal(updated[1], variables()[1])
    assert not np.allclose(updated[0], variables()[0])


@parametrize_optimizers
@pytest.mark.parametrize("steps_an_update", [1, 2])
def test_what_is_frozen_stands_still_until_it_thaws(make, steps_an_update):
    """At 4 of 10 steps. Until then the rest learns as if it were alone, though gradients are clipped."""
    options = {"global_clipnorm": 1.0}
    if steps_an_update > 1:
        options["gradient_accumulation_steps"] = steps_an_update
    rate = LearningRate(0.1, 10, warmup_steps=0, decay_at=())
    optimizer = make(rate, by_depth={"frozen": ["backbone:2"], "thaw_at": 0.4}, **options)
    updated, alone = variables(), variables()
    head, frozen, last = updated
    apply(optimizer, updated, 4)
    assert_array_equal(frozen, variables()[1])
    of_rest = make(rate, **options)
    of_rest.build([alone[0], alone[2]])
    for step in range(4):
        first, _, third = gradients(3, step)
        of_rest.apply([first, third])
    assert_array_equal(head, alone[0])
    assert_array_equal(last, alone[2])
    apply(optimizer, updated, steps_an_update, first=4)
    assert (np.asarray(frozen) != np.asarray(variables()[1])).all()


def test_a_run_that_will_be_shorter_thaws_sooner():
    """As training by the clock finds out on its way."""
    rate = LearningRate(0.1, 10, warmup_steps=0)
    optimizer = ReferenceSGD(rate, by_depth={"frozen": ("backbone",), "thaw_at": 0.5})
    updated = variables()
    apply(optimizer, updated, 2)
    optimizer.total_steps.assign(4)
    apply(optimizer, updated, 1, first=2)
    assert not np.allclose(updated[1], variables()[1])


@parametrize_optimizers
def test_rates_by_depth_survive_serialisation(make):
    optimizer = make(by_depth={"backbone": 0.1, "frozen": ("backbone:2",), "thaw_at": 0.5})
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.by_depth == DepthRates(0.1, 1.0, ("backbone:2",), 0.5)


def test_no_optimizer_variable_is_added():
    """States of runs do not tell rates by depth."""
    plain, deep = ReferenceSGD(0.1), ReferenceSGD(0.1, by_depth={"frozen": ["backbone"], "thaw_at": 0.5})
    for optimizer in (plain, deep):
        optimizer.build(variables())
    assert [v.shape for v in plain.variables] == [v.shape for v in deep.variables]


SETTINGS = ("data.image_size=64", "data.max_objects=4", "train.freeze_batch_norm=never")


@pytest.mark.whole
@pytest.mark.parametrize(
    "settings",
    [("train.backbone_rate=0",), ("train.freeze=backbone", "train.thaw_at=0.5")],
    ids=["rate 0", "frozen"],
)
def test_a_backbone_that_stands_still_in_plain_keras(small_settings, settings):
    config = yolact_tf.load_config("tiny_256", [*small_settings, *SETTINGS, *settings])
    model = yolact_tf.build_yolact(config)
    model.compile(build_optimizer(config, steps_per_epoch=100), yolact_tf.YolactLoss(config))
    backbone = model.get_layer("backbone")
    before = {v.path: np.array(v) for v in model.variables}
    model.train_on_batch(*noise(config, 2))
    of_backbone = {v.path for v in backbone.variables}
    same = {v.path for v in model.trainable_variables if np.array_equal(before[v.path], v)}
    assert {v.path for v in backbone.trainable_variables} <= same
    assert {"lateral_p3/kernel", "semantic_logits/kernel"}.isdisjoint(same | of_backbone)
    statistics = [v for v in backbone.variables if "moving" in v.path]
    assert statistics and not any(np.array_equal(before[v.path], v) for v in statistics)
