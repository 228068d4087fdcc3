"""A run to one `.onnx` file, with NMS and masks in the graph."""

from pathlib import Path

import tensorflow as tf

from yolact_tf.detect.engines import OnnxEngine
from yolact_tf.export.metadata import describe, metadata_files
from yolact_tf.export.serving import Serving
from yolact_tf.files import Check, PathLike, atomic_path
from yolact_tf.packages import require_package
from yolact_tf.runs import Run

OPSET = 18  # of November 2022: what onnxruntime 1.14 and newer read


def to_onnx(run: Run, path: PathLike, check: Check | None = None) -> Path:
    """Writes `run` as a float32 ONNX file of standard operations and fixed shapes.

    Inputs and outputs are those of the `.tflite`. labels.txt and metadata.json lie in its `metadata_props`.
    check: called with the file before it gets its name; where it raises, nothing is written. An earlier
    export at `path` is replaced.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"--output must end in .onnx. Received: {str(path)!r}")
    tf2onnx, onnx = (require_package(name, "onnx") for name in ("tf2onnx", "onnx"))
    if path.exists():
        OnnxEngine(path)  # refuses to overwrite a file that is not ours
    spec = tf.TensorSpec([1, *run.model.input_shape[1:]], tf.float32, name="image")
    detect = tf.function(Serving(run).detect, input_signature=[spec])
    model, _ = tf2onnx.convert.from_function(detect, input_signature=[spec], opset=OPSET)
    onnx.helper.set_model_props(model, metadata_files(describe(run), run.labels))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, suffix=".onnx") as temporary:
        onnx.save(model, temporary)
        if check:
            check(Path(temporary))
    return path
