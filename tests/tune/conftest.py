"""Optuna, which is an extra, and a search that needs no training."""

import pytest

from yolact_tf.recipes import load_config
from yolact_tf.tune.space import parse_space
from yolact_tf.tune.study import Subject


@pytest.fixture(scope="session", autouse=True)
def optuna():
    return pytest.importorskip("optuna")


@pytest.fixture
def subject():
    """A search of two fields round `tiny_256`."""
    config = load_config("tiny_256")
    space = parse_space(["train.learning_rate=1e-4..1e-2", "loss.class_loss=ohem/focal"], config)
    return Subject(config, space, "the data", 0.5)
