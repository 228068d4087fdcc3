import numpy as np
import tensorflow as tf
from numpy.testing import assert_array_equal

from yolact_tf.tracing import traced_once


def test_graphs_share_one_trace_for_equal_sizes_and_eager_code_needs_none():
    traced = []

    @traced_once
    def repeat(values, count):
        if not tf.executing_eagerly():
            traced.append(count)
        return tf.tile(values, [count])

    values = tf.constant([1, 2])
    assert_array_equal(repeat(values, 2), [1, 2, 1, 2])
    assert traced == []
    for _ in range(2):  # graphs of their own
        for count in (2, 3):
            whole = tf.function(lambda values, count=count: repeat(values, count) + 1)
            assert_array_equal(whole(values), np.tile([2, 3], count))
    assert traced == [2, 3]
    dataset = tf.data.Dataset.from_tensors(values).map(lambda values: repeat(values, count=3))
    assert_array_equal(next(iter(dataset)), [1, 2] * 3)
    assert traced == [2, 3]
