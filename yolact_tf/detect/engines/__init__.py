"""What can stand behind a Detector: a run's Keras model, or what runs an exported artefact.

An engine maps a uint8 RGB image [H, W, 3] to {boxes [n, 4] in 0..1, scores [n], class_ids [n], masks
[n, Hp, Wp]}, n counted, class ids those of the data set; a YOLACT++ model adds mask_scores [n], the
Keras engine and a `.tflite` of `litert_explore` add coefficients [n, K] and prototypes [Hp, Wp, K]. `batch`
does so with several images, of any sizes, and is one call where that can be: of `prepare`, what is to be done
with pixels before, and `detect`. Threads may share it.
`kind` names it, `precision` is that of its weights, `accelerator` what computes; `image_size` is the side of
the network's input and `channels` its last axis, `anchor_settings` the arguments of `build_anchors`, all None
of a SavedModel.
"""

from pathlib import Path

from yolact_tf.detect.engines.engine import Engine
from yolact_tf.detect.engines.keras_model import KerasEngine
from yolact_tf.detect.engines.litert import LiteRTEngine
from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.detect.engines.litert_runners import MissingGpu
from yolact_tf.detect.engines.onnx import OnnxEngine
from yolact_tf.detect.engines.openvino import OpenVinoEngine, is_openvino
from yolact_tf.detect.engines.saved_model import SavedModelEngine
from yolact_tf.files import PathLike

__all__ = [
    "Engine",
    "KerasEngine",
    "LiteRTEngine",
    "MissingGpu",
    "OnnxEngine",
    "OpenVinoEngine",
    "SavedModelEngine",
    "is_openvino",
    "open_artefact",
    "read_metadata",
]

ArtefactEngine = SavedModelEngine | LiteRTEngine | OnnxEngine | OpenVinoEngine


def open_artefact(path: PathLike, threads: int | None = None, accelerator: str = "cpu") -> ArtefactEngine:
    """The engine for an exported artefact. ValueError or FileNotFoundError for anything else.

    threads: not of a SavedModel.  accelerator: of a `.tflite`, as LiteRTEngine has it.
    """
    path = Path(path)
    if threads is not None and not (isinstance(threads, int) and threads >= 1):
        raise ValueError(f"`threads` must be a whole number, at least 1. Received: {threads!r}")
    if path.suffix == ".tflite" and path.is_file():
        return LiteRTEngine(path, threads, accelerator)
    if accelerator != "cpu":
        raise ValueError(
            "`accelerator` is for .tflite files; others take the devices that they see. "
            f"Received: {accelerator!r} for {str(path)!r}"
        )
    if path.suffix == ".onnx" and path.is_file():
        return OnnxEngine(path, threads)
    if is_openvino(path):
        return OpenVinoEngine(path, threads)
    if threads is not None:
        raise ValueError(
            "`threads` is not for SavedModels; TensorFlow's are those of the whole process "
            f"(tf.config.threading). Received: {threads} for {str(path)!r}"
        )
    return SavedModelEngine(path)
