"""Kernels of int8 convolutions whose biases would not fit into 32 bits."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}  # of a kernel, that of outputs
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
    for source, kernel, bias, axis in _convolutions(model, schema):
        if source.name.decode() not in ranges:
            continue
        low, high = (float(ranges[source.name.decode()][end][0]) for end in ("min", "max"))
        step = (max(high, 0) - min(low, 0)) / 255
        weights = _values(model, kernel).reshape(kernel.shape)
        by_channel = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).copy()
        least = np.abs(_values(model, bias)) * 127 / (step * _LARGEST)
        largest = np.abs(by_channel).argmax(1)
        channels = np.arange(len(by_channel))
        raised = np.abs(by_channel[channels, largest]) < least
        if raised.any():
            is_changed = True
            by_channel[channels[raised], largest[raised]] = least[raised]
            others = [n for at, n in enumerate(weights.shape) if at != axis]
            weights = np.moveaxis(by_channel.reshape(-1, *others), 0, axis)
            model.buffers[kernel.buffer].data = np.frombuffer(weights.astype("<f4").tobytes(), np.uint8)
    if not is_changed:
        return content
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _convolutions(model: Any, schema: Any) -> Iterator[tuple[Any, Any, Any, int]]:
    """(input, kernel, bias, axis of the kernel's outputs) of each convolution that has all three."""
    axes = {getattr(schema.BuiltinOperator, kind): axis for kind, axis in _CHANNEL_AXIS.items()}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            axis = axes.get(max(code.builtinCode, code.deprecatedBuiltinCode))
            if axis is None or len(operator.inputs) < 3 or operator.inputs[2] < 0:
                continue
            source, kernel, bias = (graph.tensors[i] for i in operator.inputs[:3])
            if all(_is_constant(model, tensor) for tensor in (kernel, bias)):
                yield source, kernel, bias, axis


def _is_constant(model, tensor):
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _values(model, tensor):
    return np.frombuffer(bytes(model.buffers[tensor.buffer].data), "<f4")
