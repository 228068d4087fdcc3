"""DarkNet-53 (Redmon and Farhadi 2018, YOLOv3 §2.4), with symmetric padding as PyTorch has it."""

import keras
from keras import layers

from yolact_tf.model.backbones.resnet import batch_norm
from yolact_tf.structures import Tensor

STEM, WIDTHS, BLOCKS = 32, (64, 128, 256, 512, 1024), (1, 2, 8, 8, 4)
LEAKY_SLOPE = 0.1


def darknet53(image_size: int) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3 (256 channels), C4 (512), C5 (1024), after their last sum."""
    image = keras.Input((image_size, image_size, 3), name="image")
    # No mean and no deviation: the published weights were trained on pixels in 0..1.
    x = layers.Rescaling(1 / 255, name="normalise")(image)
    x = unit(x, STEM, 3, 1, "entry")
    outputs = []
    for stage, (count, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True)):
        x = unit(x, width, 3, 2, f"stage{stage}_down")
        for block in range(1, count + 1):
            x = residual(x, width, f"stage{stage}_block{block}")
        outputs.append(x)
    return keras.Model(image, outputs[2:], name="backbone")


def residual(x: Tensor, width: int, name: str) -> Tensor:
    """1x1 to half the channels, 3x3 back, plus the input; nothing is activated after the sum."""
    branch = unit(x, width // 2, 1, 1, f"{name}_1")
    return layers.Add(name=f"{name}_add")([x, unit(branch, width, 3, 1, f"{name}_2")])


def unit(x: Tensor, width: int, kernel: int, stride: int, name: str) -> Tensor:
    """Convolution, batch norm, leaky ReLU."""
    if kernel > 1:
        x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    x = layers.Conv2D(width, kernel, strides=stride, use_bias=False, name=f"{name}_conv")(x)
    return layers.LeakyReLU(LEAKY_SLOPE, name=f"{name}_relu")(batch_norm(f"{name}_norm")(x))
