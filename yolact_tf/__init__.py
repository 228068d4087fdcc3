"""YOLACT real-time instance segmentation for TensorFlow and Keras 3."""

import importlib

from yolact_tf.keras_names import tell_keras

__version__ = "0.1.0"

_HOMES = {
    "Config": "config",
    "Detector": "detect.detector",
    "YolactLoss": "losses.objective",
    "build_dataset": "data.pipeline",
    "build_optimizer": "train.optimizer",
    "build_yolact": "weights.initial",
    "load_config": "recipes",
    "load_labels": "data.load",
    "load_run": "runs",
    "postprocess": "detect.postprocess",
    "save_run": "runs",
}
__all__ = [*_HOMES, "__version__"]


def __getattr__(name):
    """Public names load on first use: importing the package alone starts neither TensorFlow nor Keras."""
    if name not in _HOMES:
        raise AttributeError(f"module 'yolact_tf' has no attribute {name!r}")
    return getattr(importlib.import_module(f"yolact_tf.{_HOMES[name]}"), name)


def __dir__():
    return sorted(__all__)


tell_keras()
