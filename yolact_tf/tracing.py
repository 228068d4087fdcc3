"""Graph code that is traced once, however many graphs use it."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

try:
    import tensorflow as tf
except ModuleNotFoundError:  # detection runs without it
    tf = None

P = ParamSpec("P")
R = TypeVar("R")


def traced_once(function: Callable[P, R]) -> Callable[P, R]:
    """`function`, which graphs call as one function of theirs instead of tracing all that it does again.

    Tracing is what takes time before the first batch. Eager calls run `function` as it is, as do all without
    TensorFlow. What is no tensor among its arguments, such as a size, must be hashable.
    """
    if tf is None:
        return function
    # Not inlined: Grappler would optimise the whole of it again wherever it is called.
    attributes = {"_noinline": True}
    graph = tf.function(function, autograph=False, reduce_retracing=True, experimental_attributes=attributes)

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs) if tf.executing_eagerly() else graph(*args, **kwargs)

    return call
