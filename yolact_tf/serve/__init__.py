"""HTTP over an exported SavedModel: TF Serving's REST protocol, a demo page at `/`, and a client for both."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolact_tf.serve.app import build_app, serve
    from yolact_tf.serve.client import Client, ServerError
    from yolact_tf.serve.limits import Batching, Limits
    from yolact_tf.serve.servable import load_servable

_HOMES = {
    "Batching": "limits",
    "Client": "client",
    "Limits": "limits",
    "ServerError": "client",
    "build_app": "app",
    "load_servable": "servable",
    "serve": "app",
}
__all__ = ["Batching", "Client", "Limits", "ServerError", "build_app", "load_servable", "serve"]


def __getattr__(name):
    """Names load on first use: a machine that only asks a server starts no TensorFlow."""
    if name not in _HOMES:
        raise AttributeError(f"module 'yolact_tf.serve' has no attribute {name!r}")
    return getattr(importlib.import_module(f"yolact_tf.serve.{_HOMES[name]}"), name)
