"""What in a `.tflite` LiteRT's GPU accelerator refuses, or takes and computes wrongly without a word.

Of the second kind neither the converter nor the accelerator tells: such a file compiles, claims full
acceleration and answers garbage. The rules are those of ai-edge-litert 2.3; tests/export/test_gpu_graph.py
compares the operations behind them on GPU and CPU.
"""

from yolact_tf.export.tflite_graph import is_strided_pointwise, read_operations
from yolact_tf.model.backbones import is_deformable
from yolact_tf.runs import Run

_REFUSED = {
    "BROADCAST_TO": "is refused",
    "CUSTOM": "is no built-in operation",
    "GATHER_ND": "gathers at computed positions, which is refused",
    "IF": "chooses as it runs, which is refused",
    "NON_MAX_SUPPRESSION_V4": "is refused",
    "NON_MAX_SUPPRESSION_V5": "is refused",
    "SCATTER_ND": "scatters to computed positions, which is refused",
    "WHILE": "is a loop, which is refused",
}
# Of two operands; a condition of SELECT is computed, and its constants are read rightly.
_ARITHMETIC = {"ADD", "SUB", "MUL", "DIV", "POW", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"}
_INTEGER_DIVISION = {"FLOOR_DIV", "FLOOR_MOD"}
_COMPARISON = {"LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"}
_ELEMENTWISE = _ARITHMETIC | _INTEGER_DIVISION | _COMPARISON | {"LOGICAL_AND", "LOGICAL_OR"}
_TOP_K_MULTIPLE = 4


def cpu_only_because(run: Run, outputs: str) -> list[str]:
    """Why a `.tflite` of `run` cannot run on a GPU; empty for what can. outputs: as `to_litert` has them."""
    reasons = []
    if is_deformable(run.config.model.backbone):
        reasons.append("deformable convolution takes int32 indices apart (UNPACK), which GPUs refuse")
    if outputs != "heads" and run.config.detect.nms == "traditional":
        reasons.append("traditional NMS is a loop (WHILE), which GPUs refuse; fast NMS is none")
    return reasons


def gpu_faults(content: bytes) -> list[str]:
    """One line for each operation of a `.tflite` that a GPU would refuse or compute wrongly, with its name.

    content: of the file. Empty for a file that the accelerator takes whole; only answers compared on a GPU
    prove that they are right.
    """
    return [
        f"{operation.kind} {operation.outputs[0].name if operation.outputs else ''}: {fault}"
        for operation in read_operations(content)
        for fault in _faults(operation)
    ]


def _faults(operation):
    if operation.kind in _REFUSED:
        yield _REFUSED[operation.kind]
        return
    yield from _faults_of_tensors(operation)
    if operation.kind in _ELEMENTWISE:
        yield from _misread_constants(operation)
    elif operation.kind == "TOPK_V2" and operation.inputs[0].shape[-1] % _TOP_K_MULTIPLE:
        length = operation.inputs[0].shape[-1]
        yield f"takes the best of {length}, no multiple of {_TOP_K_MULTIPLE}, and is computed wrongly"
    elif is_strided_pointwise(operation) and _has_hybrid_weights(operation):
        yield "is a strided 1x1 convolution with int8 weights, and is computed wrongly"
    elif operation.kind in ("PAD", "PADV2") and len(operation.outputs[0].shape) < 3:
        yield f"pads rank {len(operation.outputs[0].shape)}, which is refused; concatenate instead"
    elif operation.kind == "GATHER" and (operation.options.batchDims or len(operation.inputs[1].shape) > 1):
        yield "gathers by indices of more than one axis, which is refused"
    elif operation.kind in ("SPLIT", "UNPACK") and operation.outputs[0].type == "INT32":
        yield "takes int32 apart, which is refused"
    elif operation.kind == "STRIDED_SLICE" and operation.options.shrinkAxisMask:
        yield "drops an axis that it slices, which is refused"


def _faults_of_tensors(operation):
    for tensor in dict.fromkeys([*operation.inputs, *operation.outputs]):
        if tensor.type == "INT64":
            yield f"has int64 {tensor.name}, which is refused"
        if len(tensor.shape) > 4:
            yield f"has rank {len(tensor.shape)} {tensor.name}, which is refused"
        if tensor.is_dynamic:
            yield f"has {tensor.name} of a size that is not known, which is refused"
        if tensor.type in ("INT8", "INT16") and not tensor.is_constant:
            yield f"computes {tensor.name} in {tensor.type.lower()}, which GPUs do wrongly"


def _has_hybrid_weights(operation):
    image, kernel = operation.inputs[:2]
    return (image.type, kernel.type, kernel.is_constant) == ("FLOAT32", "INT8", True)


def _misread_constants(operation):
    for constant in operation.inputs:
        for other in operation.inputs:
            if (
                constant.is_constant
                and not other.is_constant
                and _is_misread(constant.shape, other.shape, operation.outputs[0].shape)
            ):
                yield (
                    f"has the constant {list(constant.shape)} beside {list(other.shape)}, of which the first "
                    "row is read all over"
                )


def _is_misread(constant, other, output):
    """Whether a constant's first row stands for all: where its longer axis meets the other's first axis."""
    if not 0 < len(constant) < 4 or not 0 < len(other) < 4:
        return False
    first = len(constant) - len(other)  # the axis of the constant beside the other's first
    meets_first = first >= 0 and other[0] > 1 and constant[first] > 1
    return meets_first or (len(constant) == len(output) and constant[0] > 1)
