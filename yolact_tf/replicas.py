"""What copies of a model that share a batch know of each other.

Under `tf.distribute` each copy, a replica, sees its consecutive part of the batch. Everywhere else a batch
is one tensor, also where JAX spreads it over devices and hosts; then there is one replica.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

import keras

Values = TypeVar("Values")


def is_mirrored() -> bool:
    """Whether a model that is made now will have several replicas."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync > 1


def num_replicas() -> int:
    """How many replicas share the batch."""
    context = _replica_context()
    return context.num_replicas_in_sync if context else 1


def sum_over_replicas(values: Values) -> Values:
    """A tensor, or a dict of tensors, summed over replicas: the same on each."""
    context = _replica_context()
    return context.all_reduce("SUM", values) if context else values


def own_rows(values: Any) -> Any:
    """The rows of this replica, of [replicas x B, ...] that each replica has."""
    context = _replica_context()
    if not context:
        return values
    count = keras.ops.shape(values)[0] // context.num_replicas_in_sync
    first = context.replica_id_in_sync_group * count
    return values[first : first + count]


def share_batch_norm(model: keras.Model) -> None:
    """Has the batch norm of a model average over the whole batch: one device would, too."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        elif isinstance(layer, keras.Model):
            share_batch_norm(layer)


@contextlib.contextmanager
def outside_distribution() -> Iterator[None]:
    """For what one worker does without the others, such as writing weights.

    Keras makes variables on the way, and in a `keras.distribution` every worker would have to.
    """
    shared = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(shared)


def _replica_context():
    """tf.distribute's context of this replica, or None where there is but one."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context if context and context.num_replicas_in_sync > 1 else None
