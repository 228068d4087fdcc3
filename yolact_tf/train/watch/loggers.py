"""Weights & Biases and MLflow, through the Keras callbacks that they bring along."""

import dataclasses
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

import keras

from yolact_tf.config import Config

_PACKAGES = {"wandb": "wandb", "mlflow": "mlflow"}  # name in `train.loggers`: what pip installs


def require_loggers(names: Iterable[str]) -> None:
    """ImportError for a logger of `train.loggers` that is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"`train.loggers` has {name}, which is not installed: pip install {_PACKAGES[name]}"
            )


def build_loggers(names: Sequence[str], config: Config, run_path: Path) -> list[keras.callbacks.Callback]:
    """The callbacks of `names`, each with a run of its own that holds the config and ends with the training.

    Where their numbers go is set by the services' own environment variables, such as WANDB_MODE and
    MLFLOW_TRACKING_URI.
    """
    require_loggers(names)
    builders = {"wandb": _wandb_callbacks, "mlflow": _mlflow_callbacks}
    return [callback for name in names for callback in builders[name](config, run_path)]


def _wandb_callbacks(config, run_path):
    import wandb
    from wandb.integration.keras import WandbMetricsLogger

    wandb.init(
        project="yolact_tf",
        name=run_path.name,
        dir=run_path,
        config=dataclasses.asdict(config),
        resume="auto",
    )

    class MetricsLogger(WandbMetricsLogger):
        def _get_lr(self):
            """The logs hold the rate; wandb 0.31 would read the optimiser's in a way that JAX has not."""

    return MetricsLogger(), keras.callbacks.LambdaCallback(on_train_end=lambda logs: wandb.finish())


def _mlflow_callbacks(config, run_path):
    import mlflow
    from mlflow.keras import MlflowCallback

    mlflow.start_run(run_name=run_path.name)
    mlflow.log_dict(dataclasses.asdict(config), "config.json")
    return MlflowCallback(), keras.callbacks.LambdaCallback(on_train_end=lambda logs: mlflow.end_run())
