"""A slim ResNet of basic blocks for training from random weights on a CPU."""

import keras
from keras import layers

from yolact_tf.model.backbones.resnet import batch_norm, normalise
from yolact_tf.structures import Tensor

STEM, WIDTHS, BLOCKS = 32, (48, 96, 192), (2, 2, 2)


def slim_resnet(image_size: int) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3 (48 channels), C4 (96), C5 (192), after their last ReLU."""
    image = keras.Input((image_size, image_size, 3), name="image")
    # One overlapping stride-4 step: maps at half size would cost a quarter of the training time.
    x = conv_bn(normalise(image), STEM, 7, 4, "stem")
    outputs = []
    for stage, (count, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True)):
        for block in range(count):
            x = basic_block(x, width, 2 if block == 0 else 1, f"stage{stage}_block{block}")
        outputs.append(x)
    return keras.Model(image, outputs, name="backbone")


def basic_block(x: Tensor, width: int, stride: int, name: str) -> Tensor:
    """Two 3x3 convolutions plus the shortcut, projected where size or width changes."""
    shortcut = x
    if stride > 1 or x.shape[-1] != width:
        shortcut = conv_bn(x, width, 1, stride, f"{name}_shortcut", activate=False)
    x = conv_bn(x, width, 3, stride, f"{name}_1")
    x = conv_bn(x, width, 3, 1, f"{name}_2", activate=False)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, shortcut]))


def conv_bn(x: Tensor, width: int, kernel: int, stride: int, name: str, activate: bool = True) -> Tensor:
    """Convolution with symmetric padding, batch norm and, unless told, ReLU."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(width, kernel, strides=stride, use_bias=False, name=f"{name}_conv")(x)
    x = batch_norm(f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x) if activate else x
