"""Feature pyramid: C3..C5 -> P3..P7 (Lin et al. 2017; the extra levels after RetinaNet)."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from yolact_tf.structures import Tensor


def build_fpn(feature_shapes: Sequence[tuple[int, int, int]], channels: int) -> keras.Model:
    """A `keras.Model` from [C3, C4, C5] to [P3, P4, P5, P6, P7], all with `channels` channels.

    feature_shapes: (H, W, channels) of C3, C4, C5.  P3..P5 are past a ReLU, P6 and P7 are not.
    """
    features = [keras.Input(shape, name=f"c{3 + i}") for i, shape in enumerate(feature_shapes)]
    sums = [None, None, None]
    above = None
    for i in (2, 1, 0):
        lateral = layers.Conv2D(channels, 1, name=f"lateral_p{3 + i}")(features[i])
        if above is not None:
            above = resized(above, lateral.shape[1:3])
            lateral = layers.Add(name=f"sum_p{3 + i}")([above, lateral])
        above = sums[i] = lateral
    # Smoothing follows the whole top-down pass: the path itself stays unsmoothed.
    p3, p4, p5 = (
        layers.Conv2D(channels, 3, padding="same", activation="relu", name=f"smooth_p{3 + i}")(x)
        for i, x in enumerate(sums)
    )
    p6 = _downsample(p5, channels, "downsample_p6")
    p7 = _downsample(p6, channels, "downsample_p7")
    return keras.Model(features, [p3, p4, p5, p6, p7], name="fpn")


def resized(features: Tensor, size: tuple[int, int]) -> Tensor:
    """A map [B, H, W, C] as float32 [B, *size, C]: to the exact size, not by a factor: 18 -> 35 -> 69."""
    # In float32, since TensorFlow's XLA has no gradient of this in bfloat16.
    features = ops.cast(features, "float32")
    return ops.image.resize(features, size, interpolation="bilinear", antialias=False)


def _downsample(x, channels, name):
    x = layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
    return layers.Conv2D(channels, 3, strides=2, name=name)(x)
