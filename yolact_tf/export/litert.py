"""A run to one `.tflite` file, with NMS and masks in the graph or with the network alone."""

import dataclasses
import json
import tempfile
import zipfile
from pathlib import Path

import keras
import tensorflow as tf

from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.export.quantization import Quantization
from yolact_tf.export.serving import Serving
from yolact_tf.files import PathLike, atomic_path
from yolact_tf.runs import Run

_MAX_LABEL_LINES = 100_000  # category ids may be any number; metadata.json has them all
_FLOAT32 = Quantization()


def to_litert(
    run: Run, path: PathLike, outputs: str = "detections", quantization: Quantization = _FLOAT32
) -> Path:
    """Writes `run` as a LiteRT file of built-in ops and fixed shapes, float32 unless quantised.

    outputs: "detections", or "heads" for the Predictions, which leave the rest to the caller.
    labels.txt and metadata.json are appended as a zip, as TFLite Metadata has it: the file stays a
    valid flatbuffer, and any zip tool lists them. An earlier export at `path` is replaced.
    """
    path = Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"--output must end in .tflite. Received: {str(path)!r}")
    if path.exists():
        read_metadata(path)  # refuses to overwrite a file that is not ours
    path.parent.mkdir(parents=True, exist_ok=True)
    content = quantization(_convert(run, outputs))
    with atomic_path(path, suffix=".tflite") as temporary:
        Path(temporary).write_bytes(content)
        _append_metadata(run, temporary, quantization)
    return path


def _convert(run, outputs):
    serving = Serving(run)
    answer = {"detections": serving.detect, "heads": serving.heads}[outputs]
    size = run.config.data.image_size
    spec = tf.TensorSpec([1, size, size, 3], tf.float32, name="image")
    archive = keras.export.ExportArchive()
    archive.track(run.model)
    archive.add_endpoint("serving_default", lambda image: answer(image), [spec])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        # The way over a SavedModel freezes the weights and keeps the signature's names.
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()


def _append_metadata(run, path, quantization):
    metadata = {
        "name": run.config.name,
        "image_size": run.config.data.image_size,
        "input": "image: float32 [1, S, S, 3], RGB 0..255",
        "boxes": "x1, y1, x2, y2 in 0..1 of the image",
        "masks": "probabilities at prototype size, cropped to the box; over 0.5 after resizing",
        "anchors": run.model.anchor_settings,
        "detect": {
            **dataclasses.asdict(run.config.detect),
            "score_activation": run.config.score_activation,
        },
        **quantization.describe(),
        "cpu_only_because": quantization.cpu_only_because,
        "num_classes": len(run.labels),
        "labels": {str(category): name for category, name in run.labels.items()},
    }
    with zipfile.ZipFile(path, "a") as file:
        if min(run.labels) >= 0 and max(run.labels) < _MAX_LABEL_LINES:
            file.writestr("labels.txt", _label_lines(run.labels))
        file.writestr("metadata.json", json.dumps(metadata, indent=2))


def _label_lines(labels):
    """A line for each id from 0 on, as readers of TFLite models count; "???" where no category has it."""
    names = [labels.get(category, "???") for category in range(max(labels) + 1)]
    return "".join(" ".join(name.splitlines()) + "\n" for name in names)
