"""Protonet: P3 -> prototype masks of the whole image (YOLACT §3.1, figure 3)."""

import keras
from keras import layers


def build_protonet(
    p3_shape: tuple[int, int, int], channels: int, num_convs: int, num_prototypes: int
) -> keras.Model:
    """A `keras.Model` from P3 [B, H, W, C] to prototypes [B, 2H, 2W, K], all at least 0."""
    p3 = x = keras.Input(p3_shape, name="p3")
    for i in range(num_convs):
        x = _conv(channels, 3, f"conv{i}")(x)
    # In float32, since TensorFlow's XLA has no gradient of this in bfloat16.
    x = layers.UpSampling2D(2, interpolation="bilinear", dtype="float32", name="upsample")(x)
    x = _conv(channels, 3, f"conv{num_convs}")(x)
    prototypes = _conv(num_prototypes, 1, "prototypes")(x)
    return keras.Model(p3, prototypes, name="protonet")


def _conv(channels, kernel, name):
    return layers.Conv2D(channels, kernel, padding="same", activation="relu", name=name)
