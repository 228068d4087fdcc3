"""Graphs that compute as much as there is, though every shape is static."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras import ops

from yolact_tf.structures import BACKGROUND, Tensor


def by_size(count: Tensor, sizes: Sequence[int], compute: Callable[[int], Any]) -> Any:
    """`compute(size)` for the smallest of `sizes` that holds `count`. The last must hold all there can be.

    One size is no question: then the graph has no branches.
    """
    size, *larger = sizes
    if not larger:
        return compute(size)
    return ops.cond(count <= size, lambda: compute(size), lambda: by_size(count, larger, compute))


def may_exceed(logits: Tensor, score_threshold: float, score_activation: str) -> Tensor:
    """[A] bool: whether an anchor's best class can score more than the threshold. Logits [A, C + 1].

    Asked of logits, as exponentials of all of them take longer: of softmax, the best class and the background
    alone give an upper bound.
    """
    reference = logits[:, BACKGROUND] if score_activation == "softmax" else 0.0
    if not 0 < score_threshold < 1:
        return ops.full(logits.shape[:1], score_threshold < 1, dtype="bool")
    rounding = 1e-3
    least = math.log(score_threshold / (1 - score_threshold)) - rounding
    return ops.max(logits[:, BACKGROUND + 1 :], axis=1) - reference > least
