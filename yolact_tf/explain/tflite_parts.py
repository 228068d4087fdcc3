"""What a `.tflite` computes, by the parts of the network whose names it kept."""

import math

from yolact_tf.explain.network_parts import PARTS, LayerInfo, Part
from yolact_tf.export.tflite_graph import read_operations

_OTHER = "other"
# Operations whose second input is a kernel that they apply at each place of their output.
_KERNELS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def parts_of_tflite(content: bytes) -> list[Part]:
    """The Parts of the content of a `.tflite`: convolutions by part, with batch norm folded into them."""
    layers: dict[str, list[LayerInfo]] = {}
    counted: set[str] = set()  # constants that several operations share
    for operation in read_operations(content):
        if operation.kind not in _KERNELS:
            continue
        kernel, output = operation.inputs[1], operation.outputs[0]
        constants = [x for x in operation.inputs[1:] if x.is_constant and x.name not in counted]
        counted |= {constant.name for constant in constants}
        layers.setdefault(_part_of(output.name), []).append(
            LayerInfo(
                output.name,
                operation.kind,
                output.shape[1:],
                sum(math.prod(constant.shape) for constant in constants),
                math.prod(output.shape[1:-1]) * math.prod(kernel.shape),
            )
        )
    return [Part(name, tuple(layers[name])) for name in (*PARTS, _OTHER) if name in layers]


def _part_of(name):
    return next((part for part, layer in PARTS.items() if f"/{layer}" in name), _OTHER)
