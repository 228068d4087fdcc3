"""The best of many scores, equal ones in their order."""

from keras import ops

from yolact_tf.structures import Tensor

_BLOCK = 16  # rows that are looked at by their best first
_LEAST = 8  # times as many rows as blocks are looked into have, from which on that saves time


def top_k(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The best k of the last axis, [M] or [R, M], and their int32 slots. Where M < k, zeros that any slot
    may stand for fill up."""
    length = scores.shape[-1]
    # LiteRT's GPU accelerator answers garbage for lengths that are no multiple of 4, and knows no padding of
    # rank 2. Scores are at least 0, so the zeros at the end never displace one.
    lengthened = -(-max(length, k) // 4) * 4
    if lengthened > length:
        zeros = ops.zeros((*scores.shape[:-1], lengthened - length), scores.dtype)
        scores = ops.concatenate([scores, zeros], axis=-1)
    best, slots = ops.top_k(scores, k)
    return best, ops.minimum(ops.cast(slots, "int32"), length - 1)


def top_of_columns(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """As `top_k` of the columns of [M, C], for a k that is small beside M: [C, k] both.

    The best k lie in the k blocks of neighbours with the best maxima. Not for LiteRT's GPU accelerator.
    """
    length, num_columns = scores.shape
    if length < _LEAST * _BLOCK * k:
        return top_k(ops.transpose(scores), k)
    whole = length // _BLOCK * _BLOCK
    maxima = ops.max(ops.reshape(scores[:whole], (-1, _BLOCK, num_columns)), axis=1)
    if whole < length:
        maxima = ops.concatenate([maxima, ops.max(scores[whole:], axis=0, keepdims=True)])
    blocks = ops.cast(ops.top_k(ops.transpose(maxima), k)[1], "int32")
    blocks = ops.expand_dims(ops.sort(blocks, axis=1), 2)  # so that equal scores keep their order
    rows = ops.reshape(blocks * _BLOCK + ops.arange(_BLOCK), (num_columns, k * _BLOCK))
    columns = ops.expand_dims(ops.arange(num_columns), 1)
    places = ops.minimum(rows, length - 1) * num_columns + columns
    candidates = ops.take(ops.reshape(scores, (-1,)), places)
    best, slots = ops.top_k(ops.where(rows < length, candidates, 0.0), k)
    slots = ops.cast(slots, "int32") + columns * (k * _BLOCK)
    return best, ops.minimum(ops.take(ops.reshape(rows, (-1,)), slots), length - 1)
