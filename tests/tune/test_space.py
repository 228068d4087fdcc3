"""Fields, ranges and choices: the recipe as it is lies inside, and what is drawn is a recipe."""

import dataclasses

import pytest

from yolact_tf.config import Config
from yolact_tf.fields import override
from yolact_tf.recipes import list_recipes, load_config
from yolact_tf.tune.space import (
    Choices,
    Range,
    default_space,
    own_point,
    parse_space,
    suggested,
    text_of,
    value_at,
)

optuna = pytest.importorskip("optuna")
TINY = load_config("tiny_256")


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def drawn(config, space, num=20):
    """Settings of some trials, the recipe's own first."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    study.enqueue_trial(own_point(config, space))
    return [suggested(study.ask(), space) for _ in range(num)]


@pytest.mark.parametrize("recipe", list_recipes("configs"))
def test_any_recipe_lies_in_its_space_and_is_drawn_as_it_is(recipe):
    config = load_config(recipe)
    space = default_space(config)
    own, *others = drawn(config, space)
    assert override(config, own) == config
    for settings in others:
        assert isinstance(override(config, settings), Config)
    for path in space:
        assert len({value_at(override(config, settings), path) for settings in others}) > 1, path


def test_the_optimiser_decides_on_momentum():
    assert "train.momentum" in default_space(load_config("resnet50_550"))
    assert "train.momentum" not in default_space(TINY)


def test_unusual_values_of_a_recipe_widen_the_space():
    config = override(TINY, ["train.ema=0.5", "data.expand=6", "loss.class_loss=sigmoid_focal"])
    space = default_space(config)
    assert space["data.expand"] == Range(1.0, 6.0, False)
    assert "0.5" in space["train.ema"].texts and "sigmoid_focal" in space["loss.class_loss"].texts
    assert own_point(config, space) is not None


def test_own_spaces_are_read():
    texts = [
        "train.learning_rate=1e-4..1e-2",
        "train.warmup_steps=10..50",
        "loss.class_loss=ohem/focal",
        "data.scale_jitter=1,1/.5,2",
        "data.flip=true/false",
    ]
    assert parse_space(texts, TINY) == {
        "train.learning_rate": Range(1e-4, 1e-2, True),
        "train.warmup_steps": Range(10, 50, False),
        "loss.class_loss": Choices(("ohem", "focal")),
        "data.scale_jitter": Choices(("1,1", "0.5,2")),
        "data.flip": Choices(("true", "false")),
    }


def test_a_recipe_outside_of_an_own_space_is_no_point_of_it():
    assert own_point(TINY, parse_space(["train.warmup_steps=10..50"], TINY)) is None
    assert own_point(TINY, parse_space(["loss.class_loss=focal/balanced"], TINY)) is None
    inside = parse_space(["train.warmup_steps=10..500", "data.flip=true/false"], TINY)
    assert own_point(TINY, inside) == {"train.warmup_steps": 100, "data.flip": "false"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train.learning_rate", "must read field=low..high"),
        ("train.learning_rate=1..2..3", "must read field=low..high"),
        ("train.learning_rate=1e-2..1e-4", "the lower first"),
        ("train.learning_rate=0..1", "above 0"),
        ("train.learning_rates=1..2", "Nearest: train.learning_rate"),
        ("loss.class_loss=ohem/fokal", "loss.class_loss"),
        ("loss.class_loss=focal..ohem", "two numbers"),
        ("train.warmup_steps=1.5..3", "whole number"),
        ("train.minutes=1..2", "must leave train.minutes to --time"),
        ("data.expand=", "data.expand"),
    ],
)
def test_what_is_no_space_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_space([text], TINY)


def test_texts_are_read_back_as_the_same_values():
    config = dataclasses.replace(TINY, data=dataclasses.replace(TINY.data, scale_jitter=(0.25, 1.5)))
    for path in ("data.scale_jitter", "data.flip", "train.batch_size", "train.learning_rate", "data.boxes"):
        text = text_of(value_at(config, path))
        assert value_at(override(TINY, [f"{path}={text}"]), path) == value_at(config, path)
