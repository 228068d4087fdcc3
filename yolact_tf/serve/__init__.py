"""HTTP over an exported SavedModel: TF Serving's REST protocol, and a demo page at `/`."""

from yolact_tf.serve.app import build_app, serve
from yolact_tf.serve.limits import Limits
from yolact_tf.serve.servable import load_servable

__all__ = ["Limits", "build_app", "load_servable", "serve"]
