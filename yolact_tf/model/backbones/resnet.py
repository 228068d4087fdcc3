"""ResNet-50 and ResNet-101, layout v1.5: the stride sits on the 3x3 convolution (He et al. 2016).

Padding is explicit and symmetric: TensorFlow's "same" pads only at the end when a stride of 2 meets
an even side, and the published weights were trained with PyTorch's.
"""

from collections.abc import Callable, Sequence

import keras
from keras import layers

from yolact_tf.model.backbones.deformable import DeformableConv2D
from yolact_tf.model.batch_norm import BatchNormalization
from yolact_tf.preprocess import RGB_MEAN, RGB_STD
from yolact_tf.structures import Tensor

WIDTHS = (64, 128, 256, 512)
EXPANSION = 4


def batch_norm(name: str) -> keras.Layer:
    """Batch norm as PyTorch has it: epsilon 1e-5, running averages that keep 0.9."""
    return BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)


def group_norm(name: str) -> keras.Layer:
    """Group norm over 32 groups, which needs no batch to average over (Wu and He 2018)."""
    return layers.GroupNormalization(32, epsilon=1e-5, name=name)


def resnet(
    image_size: int,
    blocks: Sequence[int],
    deformable_interval: int = 0,
    norm: Callable[[str], keras.Layer] = batch_norm,
) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3 (512 channels), C4 (1024), C5 (2048), after their last ReLU.

    blocks: bottlenecks in each of the four stages.  deformable_interval: every how many blocks of
    the last three stages, from the first on, the 3x3 convolution is deformable (YOLACT++, deformable
    convolution with intervals); 0: none.  norm: name -> normalisation layer.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    x = normalise(image)
    x = layers.ZeroPadding2D(3, name="stem_pad")(x)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="stem_conv")(x)
    x = layers.ReLU(name="stem_relu")(norm("stem_norm")(x))
    # Zero padding is safe for the maximum because the input is past a ReLU.
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(layers.ZeroPadding2D(1)(x))
    outputs = []
    for stage, (count, width) in enumerate(zip(blocks, WIDTHS, strict=True)):
        for block in range(count):
            stride = 2 if block == 0 and stage > 0 else 1
            name = f"stage{stage}_block{block}"
            conv3x3 = _plain_3x3
            if deformable_interval and stage > 0 and block % deformable_interval == 0:
                conv3x3 = _deformable_3x3
            x = bottleneck(x, width, stride, block == 0, name, norm, conv3x3)
        outputs.append(x)
    return keras.Model(image, outputs[1:], name="backbone")


def bottleneck(
    x: Tensor,
    width: int,
    stride: int,
    project: bool,
    name: str,
    norm: Callable[[str], keras.Layer],
    conv3x3: Callable[[Tensor, int, int, str], Tensor],
) -> Tensor:
    """1x1, 3x3 (stride), 1x1, plus the shortcut; `project` gives the shortcut its own 1x1."""
    shortcut = x
    if project:
        shortcut = layers.Conv2D(
            width * EXPANSION, 1, strides=stride, use_bias=False, name=f"{name}_shortcut_conv"
        )(x)
        shortcut = norm(f"{name}_shortcut_norm")(shortcut)
    x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_conv1")(x)
    x = layers.ReLU(name=f"{name}_relu1")(norm(f"{name}_norm1")(x))
    x = conv3x3(x, width, stride, f"{name}_conv2")
    x = layers.ReLU(name=f"{name}_relu2")(norm(f"{name}_norm2")(x))
    x = layers.Conv2D(width * EXPANSION, 1, use_bias=False, name=f"{name}_conv3")(x)
    x = norm(f"{name}_norm3")(x)
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([x, shortcut]))


def normalise(image: Tensor) -> Tensor:
    """RGB 0..255 to zero mean and unit deviation over ImageNet, a channel at a time."""
    scale = [1 / deviation for deviation in RGB_STD]
    offset = [-mean / deviation for mean, deviation in zip(RGB_MEAN, RGB_STD, strict=True)]
    return layers.Rescaling(scale, offset, name="normalise")(image)


def _plain_3x3(x, width, stride, name):
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.Conv2D(width, 3, strides=stride, use_bias=False, name=name)(x)


def _deformable_3x3(x, width, stride, name):
    return DeformableConv2D(width, strides=stride, name=name)(x)
