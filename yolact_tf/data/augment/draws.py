"""Random numbers that follow from a seed alone, at whatever parallelism. Graph code."""

from collections.abc import Sequence

import tensorflow as tf

from yolact_tf.structures import Tensor


def fold(seed: Tensor, step: int | Tensor) -> Tensor:
    """The seed of one step, independent of those of others."""
    return tf.random.experimental.stateless_fold_in(seed, step)


def uniform(seed: Tensor, shape: int | Sequence[int] | Tensor) -> Tensor:
    """Random numbers in 0..1; `shape` may be their number."""
    return tf.random.stateless_uniform([shape] if isinstance(shape, int) else shape, seed)
