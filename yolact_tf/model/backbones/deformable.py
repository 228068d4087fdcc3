"""Modulated deformable 3x3 convolution (Zhu et al. 2019, Deformable ConvNets v2; YOLACT++ §3.2)."""

import keras
import numpy as np
from keras import layers, ops

SIDE = 3
TAPS = SIDE * SIDE  # rows of the kernel first, columns within a row


@keras.saving.register_keras_serializable(package="yolact_tf")
class DeformableConv2D(layers.Layer):
    """3x3 convolution that moves each tap by a learnt offset and weighs it by a learnt modulation.

    [B, H, W, C] to [B, ceil(H / strides), ceil(W / strides), filters], padding as PyTorch's. A fresh
    layer predicts no offset and half the modulation: half an ordinary convolution (Zhu et al. §3.2).
    """

    def __init__(self, filters, strides=1, dilation_rate=1, **options):
        super().__init__(**options)
        self.filters = filters
        self.strides = strides
        self.dilation_rate = dilation_rate

    def build(self, input_shape):
        channels = input_shape[-1]
        self.offset_modulation = layers.Conv2D(
            3 * TAPS,
            SIDE,
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="offset_modulation",
        )
        self.offset_modulation.build((None, None, None, channels))
        self.kernel = self.add_weight(
            shape=(SIDE, SIDE, channels, self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, features):
        pad = self.dilation_rate
        predicted = self.offset_modulation(ops.pad(features, ((0, 0), (pad, pad), (pad, pad), (0, 0))))
        offsets, modulation = predicted[..., : 2 * TAPS], ops.sigmoid(predicted[..., 2 * TAPS :])
        return deformable_convolution(
            features, offsets, modulation, self.kernel, self.bias, self.strides, self.dilation_rate
        )

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, -(-height // self.strides), -(-width // self.strides), self.filters)

    def get_config(self):
        own = {"filters": self.filters, "strides": self.strides, "dilation_rate": self.dilation_rate}
        return super().get_config() | own


def deformable_convolution(features, offsets, modulation, kernel, bias, strides=1, dilation=1):
    """Convolution whose tap k reads the map, bilinearly, at its place plus `offsets`, times `modulation`.

    features: [B, H, W, C].  offsets: [B, oh, ow, 18] pixels, tap k down in channel 2k and right in
    2k + 1.  modulation: [B, oh, ow, 9].  kernel: [3, 3, C, F].  bias: [F].  Returns [B, oh, ow, F].
    """
    _, height, width, channels = features.shape
    _, rows, columns, _ = offsets.shape
    top, left = _tap_positions(rows, columns, strides, dilation)
    offsets = ops.cast(offsets, "float32")
    y = ops.clip(offsets[..., 0::2] + top, -1, height)
    x = ops.clip(offsets[..., 1::2] + left, -1, width)
    y0 = ops.clip(ops.floor(y), -1, height - 1)
    x0 = ops.clip(ops.floor(x), -1, width - 1)
    pitch = width + 2
    index = ops.clip(ops.cast((y0 + 1) * pitch + x0 + 1, "int32"), 0, (height + 1) * pitch - 2)
    images = ops.arange(ops.shape(features)[0], dtype="int32") * ((height + 2) * pitch)
    index = ops.reshape(index + ops.reshape(images, (-1, 1, 1, 1)), (-1,))
    below, right, modulation = y - y0, x - x0, ops.cast(modulation, "float32")
    upper, lower = (1 - below) * modulation, below * modulation
    corners = (
        (0, upper * (1 - right)),
        (1, upper * right),
        (pitch, lower * (1 - right)),
        (pitch + 1, lower * right),
    )
    pixels = ops.reshape(ops.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0))), (-1, channels))
    samples = 0
    for step, weight in corners:
        weight = ops.cast(ops.reshape(weight, (-1, 1)), features.dtype)
        samples += ops.take(pixels, index + step, axis=0) * weight
    filters = kernel.shape[-1]
    samples = ops.reshape(samples, (-1, TAPS * channels))
    out = ops.matmul(samples, ops.reshape(kernel, (TAPS * channels, filters))) + bias
    return ops.reshape(out, (-1, rows, columns, filters))


def _tap_positions(rows, columns, strides, dilation):
    """Row and column of each tap before its offset: two [1, oh, ow, 9] arrays."""
    tap = np.arange(TAPS)
    top = np.arange(rows)[:, None, None] * strides + (tap // SIDE - 1) * dilation
    left = np.arange(columns)[None, :, None] * strides + (tap % SIDE - 1) * dilation
    shape = (1, rows, columns, TAPS)
    return np.broadcast_to(top, shape).astype("float32"), np.broadcast_to(left, shape).astype("float32")
