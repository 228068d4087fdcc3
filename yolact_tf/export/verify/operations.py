"""How many operations of an artefact run where."""

from pathlib import Path

from yolact_tf.detect.engines import is_openvino
from yolact_tf.detect.engines.openvino import MODEL
from yolact_tf.export.tflite_graph import read_operations
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


def ops_of_version(folder: Path) -> list[str]:
    """Names of the TensorFlow operations in a version's SavedModel, calls of its own functions left out."""
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    (graph,) = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    library = graph.graph_def.library.function
    functions = {function.signature.name for function in library}
    nodes = [*graph.graph_def.node, *(node for function in library for node in function.node_def)]
    return [node.op for node in nodes if node.op not in functions]


def _counted(place, kinds):
    counts = dict.fromkeys((place, *FOREIGN), 0)
    for kind in kinds:
        counts[kind or place] += 1
    return counts


def _of_flatbuffer(path):
    """ "Flex", "custom" or "", what LiteRT has itself, of each operation of a `.tflite`."""
    return [_foreign(operation) for operation in read_operations(path.read_bytes())]


def _foreign(operation):
    if operation.kind != "CUSTOM":
        return ""
    return "Flex" if operation.custom_code.startswith("Flex") else "custom"


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
    from tensorflow.python.framework import op_def_registry

    folder = next(iter(require_versions(path).values()))
    return ["" if op_def_registry.get(name) else "custom" for name in ops_of_version(folder)]
