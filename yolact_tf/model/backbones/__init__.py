"""Backbones: RGB 0..255, normalised inside as their weights want it -> C3, C4, C5 at strides 8, 16, 32."""

import warnings
from collections.abc import Callable

import keras

from yolact_tf.model.backbones.darknet import darknet53
from yolact_tf.model.backbones.efficientnet_lite import efficientnet_lite0
from yolact_tf.model.backbones.hub_preset import PREFIX, hub_preset, is_preset
from yolact_tf.model.backbones.mobilenet import mobilenet_v2
from yolact_tf.model.backbones.resnet import group_norm, resnet
from yolact_tf.model.backbones.slim import slim_resnet


def build_backbone(name: str, image_size: int, weights: str, description: str = "") -> keras.Model:
    """A `keras.Model` from RGB 0..255 [B, S, S, 3] to a list of C3, C4, C5.

    name: a key of `BACKBONES`, or "keras_hub:" and a preset of KerasHub.  weights: a word of `START_WORDS`.
    Those that `has_imagenet` have weights at hand, by a download or an installed package; any other starts at
    random, and a warning says how to give it some.  description: of a preset, as `describe_preset` makes it.
    """
    if not is_preset(name) and name not in BACKBONES:
        raise ValueError(
            f"`model.backbone` must be one of {sorted(BACKBONES)} or {PREFIX}PRESET. Received: {name!r}"
        )
    if weights not in START_WORDS:
        raise ValueError(
            f"`model.backbone_weights` must be one of {list(START_WORDS)} here; a run or a file is for "
            f"`yolact_tf.build_yolact`. Received: {weights!r}"
        )
    if is_preset(name):
        return hub_preset(name, image_size, weights, description)
    if weights == "imagenet" and not has_imagenet(name):
        warnings.warn(
            f"{name} starts from random weights: those trained on ImageNet come from a file, "
            "model.backbone_weights=FILE or `yolact train … --weights FILE`",
            stacklevel=3,
        )
    return BACKBONES[name](image_size, weights)


def has_imagenet(name: str) -> bool:
    """Whether a backbone can start from weights that somebody trained, without a file of them."""
    return name in WITH_IMAGENET or is_preset(name)


def is_deformable(name: str) -> bool:
    """Whether a backbone has deformable convolutions, those of YOLACT++."""
    return name in BACKBONES and name.endswith("_deformable")


RESNET50, RESNET101 = (3, 4, 6, 3), (3, 4, 23, 3)
BACKBONES: dict[str, Callable[[int, str], keras.Model]] = {
    "resnet50": lambda size, weights: resnet(size, RESNET50),
    "resnet101": lambda size, weights: resnet(size, RESNET101),
    "resnet101_gn": lambda size, weights: resnet(size, RESNET101, norm=group_norm),
    # YOLACT++: every 3x3 of C3..C5 in ResNet-50, every third block's in ResNet-101.
    "resnet50_deformable": lambda size, weights: resnet(size, RESNET50, deformable_interval=1),
    "resnet101_deformable": lambda size, weights: resnet(size, RESNET101, deformable_interval=3),
    "darknet53": lambda size, weights: darknet53(size),
    "efficientnet_lite0": efficientnet_lite0,
    "mobilenetv2": mobilenet_v2,
    "slim_resnet": lambda size, weights: slim_resnet(size),
}
START_WORDS = ("imagenet", "random")
WITH_IMAGENET = ("efficientnet_lite0", "mobilenetv2")
