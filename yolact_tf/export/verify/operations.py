"""How many operations of an artefact run where."""

from pathlib import Path

from yolact_tf.detect.engines import is_openvino
from yolact_tf.detect.engines.openvino import MODEL
from yolact_tf.files import PathLike
from yolact_tf.model_folder import require_versions

FOREIGN = ("Flex", "custom")  # places that no operation of ours needs


def count_operations(artefact: PathLike, accelerator: str = "cpu") -> dict[str, int]:
    """Place -> number of operations: those of the accelerator, then "Flex" and "custom".

    Flex operations need TensorFlow beside LiteRT, custom ones code of their own: an artefact of ours has
    neither. LiteRT takes a file to a GPU whole or not at all.
    """
    path, place = Path(artefact), "CPU" if accelerator == "cpu" else "GPU"
    if path.suffix == ".tflite":
        return _counted(place, _of_flatbuffer(path))
    if path.suffix == ".onnx":
        return _counted(place, _of_onnx(path))
    if is_openvino(path):
        return _counted(place, _of_openvino(path))
    return _counted("TensorFlow", _of_saved_model(path))


def _counted(place, kinds):
    counts = dict.fromkeys((place, *FOREIGN), 0)
    for kind in kinds:
        counts[kind or place] += 1
    return counts


def _of_flatbuffer(path):
    """ "Flex", "custom" or "", what LiteRT has itself, of each operation of a `.tflite`."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(Path(path).read_bytes(), 0)
    kinds = []
    for code in model.operatorCodes:
        is_custom = code.builtinCode == schema.BuiltinOperator.CUSTOM
        name = (code.customCode or b"").decode("utf-8", "replace")
        kinds.append(("Flex" if name.startswith("Flex") else "custom") if is_custom else "")
    return [kinds[op.opcodeIndex] for graph in model.subgraphs for op in graph.operators]


def _of_onnx(path):
    """ "custom" or "", what ONNX has itself, of each node of an `.onnx`."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    return ["" if node.domain in ("", "ai.onnx") else "custom" for node in graph.node]


def _of_openvino(path):
    """ "custom" or "", what OpenVINO has itself, of each operation."""
    import openvino

    operations = openvino.Core().read_model(path / MODEL).get_ops()
    return ["" if op.get_type_info().version_id.startswith("opset") else "custom" for op in operations]


def _of_saved_model(path):
    """ "custom" or "", what TensorFlow itself has, of each node of the newest version."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel
    from tensorflow.python.framework import op_def_registry

    folder = next(iter(require_versions(path).values()))
    (graph,) = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    functions = {function.signature.name for function in graph.graph_def.library.function}
    nodes = [graph.graph_def.node, *(function.node_def for function in graph.graph_def.library.function)]
    return [
        "" if node.op in functions or op_def_registry.get(node.op) else "custom"
        for part in nodes
        for node in part
    ]
