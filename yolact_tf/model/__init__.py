"""Image in, Predictions out. Open `yolact.py` first."""

from yolact_tf.model.yolact import Yolact, build_yolact

__all__ = ["Yolact", "build_yolact"]
