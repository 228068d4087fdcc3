"""Many draws of a random step at once, and what is expected of their distribution.

Seeds are fixed: a test that passes once passes always. Tolerances are those that a correct step would
miss once in some ten thousand seeds.
"""

import numpy as np
import tensorflow as tf

NUM_DRAWS = 10_000


def draws(function, count=NUM_DRAWS):
    """`function(seed)` for `count` seeds, made by tf.data, as one array: [count, ...]."""
    dataset = tf.data.Dataset.range(count).map(lambda i: function(tf.stack([i, 7])))
    (batch,) = dataset.batch(count)
    return batch.numpy()


def assert_share(flags, share):
    """That `flags` hold about as often as they should."""
    tolerance = 4 * np.sqrt(share * (1 - share) / len(flags))
    assert abs(np.mean(flags) - share) < tolerance, f"{np.mean(flags)} of {len(flags)}, expected {share}"


def assert_uniform(values, low, high):
    """That `values` lie in low..high and fill it evenly (Kolmogorov-Smirnov)."""
    assert values.min() >= low and values.max() <= high
    places = np.sort((values - low) / (high - low))
    steps = np.arange(1, len(places) + 1) / len(places)
    distance = max(np.abs(places - steps).max(), np.abs(places - steps + 1 / len(places)).max())
    assert distance < 2.2 / np.sqrt(len(places)), distance


def assert_same_distribution(values, others):
    """That two samples could be of one distribution (two-sample Kolmogorov-Smirnov)."""
    everything = np.concatenate([values, others])
    share = lambda sample: np.searchsorted(np.sort(sample), everything, side="right") / len(sample)
    distance = np.abs(share(values) - share(others)).max()
    assert distance < 2.2 * np.sqrt(1 / len(values) + 1 / len(others)), distance
