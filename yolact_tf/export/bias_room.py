"""Kernels of int8 convolutions whose biases would not fit into 32 bits."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from yolact_tf.export.tflite_graph import kinds_of

_LARGEST = 0.9 * 2**31  # bias in its steps; the rest is for rounding


def with_room_for_biases(content: bytes, ranges: Mapping[str, Mapping[str, np.ndarray]]) -> bytes:
    """A float32 `.tflite` whose every bias fits into 32 bits in int8. ranges: as `value_ranges` has them.

    A bias is counted in steps of its channel's kernel times those of the input. Pretrained networks have
    channels with next to no kernel and a bias that is not small: it would overflow, and the channel be 0
    instead of its bias. The largest weight of such a kernel is raised until the bias fits, which changes
    what the channel says by less than 2e-5 of its bias.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    is_changed = False
    for kind, source, kernel, bias in _convolutions(model):
        if source.name.decode() not in ranges:
            continue
        low, high = (float(ranges[source.name.decode()][end][0]) for end in ("min", "max"))
        step = (max(high, 0) - min(low, 0)) / 255
        biases, weights = _values(model, bias), _values(model, kernel)
        count = len(biases)
        # A depthwise kernel has its channels last. Both are views: what changes in them changes in `weights`.
        channels = weights.reshape(count, -1) if kind == "CONV_2D" else weights.reshape(-1, count).T
        least = np.abs(biases) * 127 / (step * _LARGEST)
        largest = np.arange(count), np.abs(channels).argmax(1)
        is_small = np.abs(channels[largest]) < least
        if is_small.any():
            is_changed = True
            channels[largest] = np.where(is_small, least, channels[largest])
            model.buffers[kernel.buffer].data = weights.view(np.uint8)
    if not is_changed:
        return content
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _convolutions(model: Any) -> Iterator[tuple[str, Any, Any, Any]]:
    """(kind, input, kernel, bias) of each convolution that has a kernel and a bias of its own."""
    kinds = kinds_of(model)
    for graph in model.subgraphs:
        for operator in graph.operators:
            kind = kinds[operator.opcodeIndex]
            if kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and len(operator.inputs) == 3:
                source, kernel, bias = (graph.tensors[i] for i in operator.inputs)
                if operator.inputs[2] >= 0 and _is_constant(model, kernel) and _is_constant(model, bias):
                    yield kind, source, kernel, bias


def _is_constant(model, tensor):
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _values(model, tensor):
    """A copy that may change."""
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), "<f4").copy()
