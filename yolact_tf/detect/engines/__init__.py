"""What can stand behind a Detector: a run's Keras model, a SavedModel, or a LiteRT file.

An engine maps a uint8 RGB image [H, W, 3] to {boxes [n, 4] in 0..1, scores [n], class_ids [n], masks
[n, Hp, Wp]}, n counted, class ids those of the data set; a YOLACT++ model adds mask_scores [n], the
Keras engine prototypes and coefficients. `batch` does so with several images, of any sizes, and is one call
where that can be. Threads may share it. `precision` is that of its weights, `accelerator` what computes.
"""

from pathlib import Path

from yolact_tf.detect.engines.keras_model import KerasEngine
from yolact_tf.detect.engines.litert import LiteRTEngine
from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.detect.engines.litert_runners import MissingGpu
from yolact_tf.detect.engines.saved_model import SavedModelEngine
from yolact_tf.files import PathLike

__all__ = [
    "Engine",
    "KerasEngine",
    "LiteRTEngine",
    "MissingGpu",
    "SavedModelEngine",
    "open_artefact",
    "read_metadata",
]

Engine = KerasEngine | SavedModelEngine | LiteRTEngine


def open_artefact(
    path: PathLike, threads: int | None = None, accelerator: str = "cpu"
) -> SavedModelEngine | LiteRTEngine:
    """The engine for an exported artefact. ValueError or FileNotFoundError for anything else.

    threads, accelerator: of a `.tflite`, as LiteRTEngine has them.
    """
    path = Path(path)
    if path.suffix == ".tflite" and path.is_file():
        return LiteRTEngine(path, threads, accelerator)
    if threads is not None:
        raise ValueError(
            "`threads` is for .tflite files; TensorFlow's are those of the whole process "
            f"(tf.config.threading). Received: {threads} for {str(path)!r}"
        )
    if accelerator != "cpu":
        raise ValueError(
            "`accelerator` is for .tflite files; TensorFlow takes the devices that it sees. "
            f"Received: {accelerator!r} for {str(path)!r}"
        )
    return SavedModelEngine(path)
