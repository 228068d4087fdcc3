"""What requests ask of the network: queries that fit together are answered as one batch."""

import dataclasses
import functools
import logging
from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from yolact_tf.serve.json_tensors import encode_columns, encode_rows
from yolact_tf.serve.limits import RequestError
from yolact_tf.serve.servable import ServedVersion, one_line

# What TensorFlow raises for values that it cannot use, such as bytes that are no image.
UNUSABLE = (ValueError, tf.errors.InvalidArgumentError, tf.errors.DataLossError)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class Query:
    """The inputs of one predict request, and how its answer is to be written."""

    version: ServedVersion
    signature: str
    inputs: dict[str, np.ndarray]  # {name: array [B, ...]}
    pixels: int  # of its encoded images, decoded
    in_rows: bool  # whether the answer is a list of rows

    @functools.cached_property
    def rows(self) -> int:
        """Size of its batch; 1 where the signature has none."""
        return max((len(array) for array in self.inputs.values() if array.ndim), default=1)

    @functools.cached_property
    def key(self) -> Hashable:
        """Equal for queries that one run can answer, rows of the same shapes for the same signature."""
        signature = self.version.signatures[self.signature]
        sizes = {array.shape[:1] for array in self.inputs.values()}
        if len(sizes) != 1 or () in sizes or not _is_batched(signature):
            return self
        shapes = tuple((name, array.shape[1:]) for name, array in sorted(self.inputs.items()))
        return self.version, self.signature, shapes

    def answer(self, outputs: dict[str, np.ndarray]) -> str:
        """The JSON text for the outputs of its rows. ValueError where they are none of a batch."""
        if self.in_rows:
            return f'{{"predictions":{encode_rows(outputs)}}}'
        return f'{{"outputs":{encode_columns(outputs)}}}'


def answers(queries: Sequence[Query]) -> Iterator[str | RequestError]:
    """The JSON text of each query in turn, or why it has none; all queries have the same key.

    A query that fails fails alone: the others of its batch are answered without it.
    """
    parts = _together(queries) if len(queries) > 1 else None
    for number, query in enumerate(queries):
        try:
            yield query.answer(parts[number] if parts else _run(query, query.inputs))
        except UNUSABLE as error:
            yield RequestError(400, one_line(error))
        except Exception as error:
            logger.exception("%s of version %d failed", query.signature, query.version.number)
            yield RequestError(500, f"Internal error: {one_line(error)}")


def _together(queries):
    """The outputs of each query, or None where a run of all of them fails or does not keep their rows."""
    first, sizes = queries[0], [query.rows for query in queries]
    inputs = {name: np.concatenate([query.inputs[name] for query in queries]) for name in first.inputs}
    try:
        outputs = _run(first, inputs)
    except Exception as error:  # each is told its own when it runs alone
        logger.debug("a batch of %d failed: %s", len(queries), one_line(error))
        return None
    if any(len(array) != sum(sizes) for array in outputs.values()):
        return None
    ends = np.cumsum(sizes)
    return [
        {name: array[end - size : end] for name, array in outputs.items()} for size, end in zip(sizes, ends)
    ]


def _run(query, inputs):
    signature = query.version.signatures[query.signature]
    specs = signature.structured_input_signature[1]
    outputs = signature(**{name: tf.constant(array, specs[name].dtype) for name, array in inputs.items()})
    # A scalar string comes as bytes, not as an array.
    return {
        name: np.asarray(tensor.numpy(), object if tensor.dtype == tf.string else None)
        for name, tensor in sorted(outputs.items())
    }


def _is_batched(signature):
    """Whether dim 0 of every input and output is unknown, which promises that it is the batch."""
    specs = [*signature.structured_input_signature[1].values(), *signature.structured_outputs.values()]
    return all(spec.shape.rank and spec.shape[0] is None for spec in specs)
