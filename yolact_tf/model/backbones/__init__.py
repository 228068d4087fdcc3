"""Backbones: normalised image -> C3, C4, C5 at strides 8, 16, 32."""

from yolact_tf.model.backbones.mobilenet import mobilenet_v2
from yolact_tf.model.backbones.resnet import resnet
from yolact_tf.model.backbones.slim import slim_resnet


def build_backbone(name, image_size, weights):
    """A `keras.Model` from RGB 0..255 [B, S, S, 3] to a list of C3, C4, C5.

    name: a key of `BACKBONES`.  weights: "imagenet" or "random"; only backbones whose published
    weights Keras can download follow "imagenet", the others start at random.
    """
    if name not in BACKBONES:
        raise ValueError(f"`model.backbone` must be one of {sorted(BACKBONES)}. Received: {name!r}")
    return BACKBONES[name](image_size, weights)


BACKBONES = {
    "resnet50": lambda size, weights: resnet(size, blocks=(3, 4, 6, 3)),
    "resnet101": lambda size, weights: resnet(size, blocks=(3, 4, 23, 3)),
    "mobilenetv2": mobilenet_v2,
    "slim_resnet": lambda size, weights: slim_resnet(size),
}
