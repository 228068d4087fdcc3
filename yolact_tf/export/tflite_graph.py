"""The operations of a `.tflite`, read from its flatbuffer."""

from collections.abc import Iterator
from typing import Any, NamedTuple


class TfliteTensor(NamedTuple):
    """What an operation takes or gives. type: as the schema calls it, such as "FLOAT32"."""

    name: str
    shape: tuple[int, ...]
    type: str
    is_constant: bool
    is_dynamic: bool


class TfliteOperation(NamedTuple):
    """A step of the graph. kind: as the schema calls it, such as "CONV_2D".  custom_code: "" of built-ins."""

    kind: str
    custom_code: str
    inputs: list[TfliteTensor]
    outputs: list[TfliteTensor]
    options: Any


def read_operations(content: bytes) -> Iterator[TfliteOperation]:
    """Yields the operations of all graphs in the content of a `.tflite`, in the order that they run."""
    from ai_edge_litert import schema_py_generated as schema

    types = {number: name for name, number in vars(schema.TensorType).items() if isinstance(number, int)}
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    kinds = kinds_of(model)
    for graph in model.subgraphs:
        tensors = [_describe(tensor, model.buffers, types) for tensor in graph.tensors]
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            yield TfliteOperation(
                kinds[operator.opcodeIndex],
                (code.customCode or b"").decode("utf-8", "replace"),
                [tensors[i] for i in operator.inputs if i >= 0],
                [tensors[i] for i in operator.outputs],
                operator.builtinOptions,
            )


def kinds_of(model: Any) -> list[str]:
    """The kind of each of the operator codes of a ModelT of the schema, as TfliteOperation has it."""
    from ai_edge_litert import schema_py_generated as schema

    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    return [names[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes]


def is_strided_pointwise(operation: TfliteOperation) -> bool:
    """Whether it is a convolution with a 1x1 kernel and strides."""
    if operation.kind != "CONV_2D" or operation.options.strideW == 1:
        return False
    return operation.inputs[1].shape[1:3] == (1, 1)


def _describe(tensor, buffers, types):
    buffer, signature = buffers[tensor.buffer], tensor.shapeSignature
    # Where ai-edge-quantizer has written it, data lie behind the flatbuffer, at an offset.
    is_constant = buffer.offset > 1 or (buffer.data is not None and len(buffer.data) > 0)
    return TfliteTensor(
        tensor.name.decode(),
        () if tensor.shape is None else tuple(int(n) for n in tensor.shape),
        types[tensor.type],
        is_constant,
        signature is not None and any(n < 0 for n in signature),
    )
