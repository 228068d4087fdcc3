"""Random numbers that follow from a seed alone, at whatever parallelism. Graph code."""

import tensorflow as tf


def fold(seed, step):
    """The seed of one step, independent of those of others."""
    return tf.random.experimental.stateless_fold_in(seed, step)


def uniform(seed, shape):
    """Random numbers in 0..1; `shape` may be their number."""
    return tf.random.stateless_uniform([shape] if isinstance(shape, int) else shape, seed)
