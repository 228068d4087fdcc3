"""Deformable 3x3 convolution (Zhu et al. 2019, Deformable ConvNets v2), which YOLACT++ puts into ResNet.

Written for export as much as for training: rank at most 4, int32 indices, 1-D gathers of whole
pixels, so that the same graph runs in TF Serving, under XLA and on LiteRT.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from yolact_tf.structures import Tensor

SIDE = 3
TAPS = SIDE * SIDE  # counted along the rows of the kernel


@keras.saving.register_keras_serializable(package="yolact_tf")
class DeformableConv2D(layers.Layer):
    """3x3 convolution whose taps move by predicted offsets and are weighed by predicted modulations.

    [B, H, W, C] to [B, ceil(H / strides), ceil(W / strides), filters], H and W known, `dilation_rate`
    zeros of padding on every side. A fresh layer predicts offsets of 0 and modulations of 1/2: half
    of an ordinary convolution (Zhu et al. 2019 §3.2).
    """

    def __init__(self, filters: int, strides: int = 1, dilation_rate: int = 1, **options: Any):
        super().__init__(**options)
        self.filters = filters
        self.strides = strides
        self.dilation_rate = dilation_rate
        self.offset_modulation = layers.Conv2D(
            3 * TAPS,
            SIDE,
            # Keras has no convolution that is both strided and dilated.
            strides=strides if dilation_rate == 1 else 1,
            dilation_rate=dilation_rate,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="offset_modulation",
        )

    def build(self, input_shape):
        batch, height, width, channels = input_shape
        if height is None or width is None:
            raise ValueError(f"`{self.name}` needs a fixed height and width. Received: {input_shape}")
        both_sides = 2 * self.dilation_rate
        self.offset_modulation.build((batch, height + both_sides, width + both_sides, channels))
        self.kernel = self.add_weight(
            shape=(SIDE, SIDE, channels, self.filters), initializer="glorot_uniform", name="kernel"
        )
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, features):
        pad = (self.dilation_rate, self.dilation_rate)
        predicted = self.offset_modulation(ops.pad(features, ((0, 0), pad, pad, (0, 0))))
        if self.dilation_rate > 1:
            predicted = predicted[:, :: self.strides, :: self.strides]
        offsets, logits = ops.split(predicted, (2 * TAPS,), axis=-1)
        convolved = deformable_convolution(
            features, offsets, ops.sigmoid(logits), self.kernel, self.strides, self.dilation_rate
        )
        return convolved + self.bias

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, -(-height // self.strides), -(-width // self.strides), self.filters)

    def get_config(self):
        own = {"filters": self.filters, "strides": self.strides, "dilation_rate": self.dilation_rate}
        return super().get_config() | own


def deformable_convolution(
    features: Tensor, offsets: Tensor, modulation: Tensor, kernel: Tensor, strides: int, dilation: int
) -> Tensor:
    """Convolution of `features` whose taps read between the pixels, where `offsets` move them.

    features: [B, H, W, C].  offsets: [B, H', W', 18] pixels, of tap k = 3·row + column down at 2k
    and right at 2k + 1.  modulation: [B, H', W', 9], factors of what the taps read.
    kernel: [3, 3, C, F].  Returns [B, H', W', F]. Outside of the map there are zeros, `dilation` of
    them before the first tap; H' = ceil(H / strides), W' likewise.
    """
    _, height, width, channels = features.shape
    _, rows, columns, _ = offsets.shape
    filters = kernel.shape[-1]
    indices, weights = _neighbours(offsets, modulation, (height, width), strides, dilation)
    pixels = ops.reshape(ops.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0))), (-1, channels))
    # A tap at a time, what is gathered stays in cache: on a CPU a sixth faster than all nine as one
    # matrix, under XLA up to five times.
    taps = zip(
        ops.unstack(indices, TAPS, axis=0),
        ops.split(ops.cast(weights, features.dtype), TAPS, axis=1),
        ops.split(ops.reshape(kernel, (TAPS * channels, filters)), TAPS, axis=0),
        strict=True,
    )
    products = [ops.matmul(_blend(pixels, index, weight), tap) for index, weight, tap in taps]
    return ops.reshape(sum(products[1:], products[0]), (-1, rows, columns, filters))


def _neighbours(offsets, modulation, size, strides, dilation):
    """The four pixels around what each tap reads, and their shares in it times the modulation.

    Returns indices [9, 4·B·H'·W'] into the pixels of [B, H + 2, W + 2] maps, and as many float32
    weights [4·B·H'·W', 9]; top left neighbours first, then top right, bottom left, bottom right.
    """
    _, rows, columns, _ = offsets.shape
    pitch = size[1] + 2
    limit = np.tile(np.array(size, "float32"), TAPS)
    start = _tap_positions(rows, columns, strides, dilation)
    # float32 whatever the policy: at 69 a bfloat16 moves in steps of half a pixel.
    position = ops.cast(ops.reshape(offsets, (-1, rows * columns, 2 * TAPS)), "float32") + start
    # On the border of zeros a tap reads 0 and has no gradient, just as it would further out.
    position = ops.minimum(ops.maximum(position, -1.0), limit)
    corner = ops.minimum(ops.floor(position), limit - 1)
    share = position - corner
    index = ops.cast((corner[..., 0::2] + 1) * pitch + corner[..., 1::2] + 1, "int32")
    index = ops.clip(index, 0, size[0] * pitch + size[1])  # an offset of NaN has any index
    maps = ops.arange(ops.shape(offsets)[0], dtype="int32") * ((size[0] + 2) * pitch)
    index = ops.transpose(ops.reshape(index + ops.reshape(maps, (-1, 1, 1)), (-1, TAPS)))
    bottom, right = (ops.reshape(share[..., axis::2], (-1, TAPS)) for axis in (0, 1))
    modulation = ops.cast(ops.reshape(modulation, (-1, TAPS)), "float32")
    lower, upper = bottom * modulation, (1 - bottom) * modulation
    weights = [upper * (1 - right), upper * right, lower * (1 - right), lower * right]
    indices = [index + step for step in (0, 1, pitch, pitch + 1)]
    return ops.concatenate(indices, axis=1), ops.concatenate(weights, axis=0)


def _tap_positions(rows, columns, strides, dilation):
    """Where taps read before they move, as float32 [1, H'·W', 18] like the offsets."""
    y, x, i, j = np.indices((rows, columns, SIDE, SIDE))
    positions = [y * strides + (i - 1) * dilation, x * strides + (j - 1) * dilation]
    return np.stack(positions, -1).reshape(1, rows * columns, 2 * TAPS).astype("float32")


@ops.custom_gradient
def _blend(pixels, index, weights):
    """Weighted sums of four pixels. [M, C], [4·P], [4·P, 1] to [P, C].

    The gradient gathers the four once more: kept for it, they would be most of the memory of a
    training step.
    """
    channels = pixels.shape[-1]
    corners = ops.split(ops.take(pixels, index, axis=0) * weights, 4, axis=0)

    def gradient(upstream):
        # An index that waits for `upstream` keeps compilers from reusing, and so keeping, the first gather.
        late_index = ops.where(ops.any(ops.isnan(upstream[:1, :1])), 0, index)
        gathered = ops.reshape(ops.take(pixels, late_index, axis=0), (4, -1, channels))
        weight_gradient = ops.sum(gathered * upstream, axis=-1)
        spread = ops.reshape(ops.reshape(weights, (4, -1, 1)) * upstream, (-1, channels))
        pixel_gradient = ops.segment_sum(spread, index, ops.shape(pixels)[0])
        return pixel_gradient, None, ops.reshape(weight_gradient, (-1, 1))

    return sum(corners[1:], corners[0]), gradient
