"""What a deformable convolution costs next to a plain 3x3 one, at the sizes of YOLACT++ at 550 pixels.

    python benchmarks/deformable.py [graph|xla] [batch]

Times, interleaved: each layer as a compiled function, forward alone and forward with the gradients of
its input and weights. Offsets are about two pixels, so that gathers are as scattered as trained ones.
"""

import os
import statistics
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from yolact_tf.model.backbones.deformable import DeformableConv2D

SIZES = [  # side of the input, channels, stride
    (138, 128, 2),
    (69, 128, 1),
    (69, 256, 2),
    (35, 256, 1),
    (35, 512, 2),
    (18, 512, 1),
]
RUNS, WARMUP = 15, 2
OFFSET = 2.0  # standard deviation, pixels


def main(compiler="graph", batch="1"):
    jit_compile = {"graph": False, "xla": True}[compiler]
    print(f"{compiler}, batch {batch}, minimum of {RUNS} interleaved runs; ratio of minima, median of ratios")
    print(f"{'input':>24}  {'':16s}  {'plain':>9}  {'deformable':>11}  {'ratio':>6}  {'median':>6}")
    for side, channels, stride in SIZES:
        features = tf.random.normal((int(batch), side, side, channels))
        pair = (plain(channels, stride), deformable(features, channels, stride))
        for name, compiled in (("forward", forward), ("with gradients", with_gradients)):
            ours, base = [], []
            calls = [compiled(model, jit_compile) for model in pair]
            for number in range(WARMUP + RUNS):
                elapsed = [milliseconds(call, features) for call in calls]
                if number >= WARMUP:
                    base.append(elapsed[0])
                    ours.append(elapsed[1])
            median = statistics.median(a / b for a, b in zip(ours, base))
            print(
                f"{tuple(features.shape)!s:>24}  {name:16s}  {min(base):6.1f} ms  {min(ours):8.1f} ms  "
                f"x{min(ours) / min(base):5.2f}  x{median:5.2f}",
                flush=True,
            )


def plain(channels, stride):
    """A 3x3 convolution padded as ResNet's are."""
    return keras.Sequential([layers.ZeroPadding2D(1), layers.Conv2D(channels, 3, strides=stride)])


def deformable(features, channels, stride):
    """A deformable convolution with offsets of `OFFSET` pixels for normally distributed features."""
    layer = DeformableConv2D(channels, strides=stride)
    layer.build(features.shape)
    kernel = layer.offset_modulation.kernel
    inputs = np.prod(kernel.shape[:-1])
    kernel.assign(np.random.default_rng(0).normal(scale=OFFSET / inputs**0.5, size=kernel.shape))
    return layer


def forward(model, jit_compile):
    return tf.function(model, jit_compile=jit_compile)


def with_gradients(model, jit_compile):
    def step(features):
        weights = [weight.value for weight in model.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = tf.reduce_mean(model(features) ** 2)
        return tape.gradient(loss, [features, *weights])

    return tf.function(step, jit_compile=jit_compile)


def milliseconds(call, features):
    start = time.perf_counter()
    tf.nest.map_structure(lambda tensor: tensor.numpy(), call(features))
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main(*sys.argv[1:])
