import importlib.util

import pytest

from yolact_tf.recipes import load_config
from yolact_tf.train.trainer import train
from yolact_tf.train.watch.loggers import require_loggers


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_logger_that_is_not_installed_is_named_before_a_run_is_made(
    name, shapes_data, tmp_path, monkeypatch
):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == name else find_spec(n))
    config = load_config("tiny_256", [f"train.loggers={name}"])
    with pytest.raises(ImportError, match=f"`train.loggers` has {name}, .* pip install {name}"):
        train(config, shapes_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_logger_needs_nothing():
    require_loggers(())


def test_loggers_are_names_in_a_list():
    config = load_config("tiny_256", ["train.loggers=wandb, mlflow"])
    assert config.train.loggers == ("wandb", "mlflow")
    assert load_config("tiny_256", ["train.loggers="]).train.loggers == ()
    with pytest.raises(ValueError, match="`train.loggers` must be among wandb, mlflow. Received: .*comet"):
        load_config("tiny_256", ["train.loggers=comet"])
