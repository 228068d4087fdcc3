"""Protonet: P3, or P3 with further levels -> prototype masks of the whole image (YOLACT §3.1, figure 3)."""

from collections.abc import Sequence

import keras
from keras import layers

from yolact_tf.model.fpn import resized


def build_protonet(
    level_shapes: Sequence[tuple[int, int, int]], channels: int, num_convs: int, num_prototypes: int
) -> keras.Model:
    """A `keras.Model` from [P3, …] to prototypes [B, 2H, 2W, K], all at least 0, for the H and W of P3.

    level_shapes: (H, W, C) of P3 and of the levels after it that are added to it, at its size (Kirillov et
    al. 2019, panoptic FPN §3).
    """
    levels = [keras.Input(shape, name=f"p{3 + i}") for i, shape in enumerate(level_shapes)]
    p3 = x = levels[0]
    for i, level in enumerate(levels[1:], 4):
        # At first all zeros: the network computes what it would without the level, and weights that were
        # trained without it stay worth what they are. The convolutions that follow have the ReLU.
        level = layers.Conv2D(p3.shape[-1], 1, kernel_initializer="zeros", name=f"from_p{i}")(level)
        x = layers.Add(name=f"sum_p{i}")([x, resized(level, p3.shape[1:3])])
    for i in range(num_convs):
        x = _conv(channels, 3, f"conv{i}")(x)
    # In float32, since TensorFlow's XLA has no gradient of this in bfloat16.
    x = layers.UpSampling2D(2, interpolation="bilinear", dtype="float32", name="upsample")(x)
    x = _conv(channels, 3, f"conv{num_convs}")(x)
    prototypes = _conv(num_prototypes, 1, "prototypes")(x)
    return keras.Model(levels, prototypes, name="protonet")


def _conv(channels, kernel, name):
    return layers.Conv2D(channels, kernel, padding="same", activation="relu", name=name)
