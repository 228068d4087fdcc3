"""Data to the recipe that suits them, with image size, anchors and slots to fit."""

from yolact_tf.choose.choice import Choice, choose

__all__ = ["Choice", "choose"]
