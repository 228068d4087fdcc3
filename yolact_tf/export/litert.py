"""A run to one `.tflite` file, with NMS and masks in the graph or with the network alone."""

import zipfile
from pathlib import Path

import tensorflow as tf

from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.export.gpu_graph import cpu_only_because, gpu_faults
from yolact_tf.export.metadata import describe, metadata_files
from yolact_tf.export.quantization import Quantization
from yolact_tf.export.static_graph import static_saved_model
from yolact_tf.files import Check, PathLike, atomic_path
from yolact_tf.runs import Run

_FLOAT32 = Quantization()


def to_litert(
    run: Run,
    path: PathLike,
    outputs: str = "detections",
    quantization: Quantization = _FLOAT32,
    check: Check | None = None,
) -> Path:
    """Writes `run` as a LiteRT file of built-in ops and fixed shapes, float32 unless quantised.

    outputs: "detections"; "explore" for these with their coefficients and prototypes; or "heads" for the
    Predictions, which leave the rest to the caller.
    check: called with the file before it gets its name; where it raises, nothing is written.
    labels.txt and metadata.json are appended as a zip, as TFLite Metadata has it: the file stays a
    valid flatbuffer, and any zip tool lists them. An earlier export at `path` is replaced.
    A graph that LiteRT's GPU accelerator would refuse or compute wrongly is a ValueError that names the
    operations; where the run's settings make it so, metadata.json says why under `cpu_only_because`.
    """
    path = Path(path)
    if path.suffix != ".tflite":
        raise ValueError(f"--output must end in .tflite. Received: {str(path)!r}")
    if path.exists():
        read_metadata(path)  # refuses to overwrite a file that is not ours
    path.parent.mkdir(parents=True, exist_ok=True)
    content = quantization(_convert(run, outputs))
    reasons = cpu_only_because(run, outputs) + quantization.cpu_only_because
    if not reasons:
        _require_gpus_compute_rightly(content)
    metadata = {**describe(run), **quantization.describe(), "cpu_only_because": reasons}
    with atomic_path(path, suffix=".tflite") as temporary:
        Path(temporary).write_bytes(content)
        _append_metadata(temporary, metadata, run.labels)
        if check:
            check(Path(temporary))
    return path


def _convert(run, outputs):
    # The way over a SavedModel freezes the weights and keeps the signature's names.
    with static_saved_model(run, outputs) as folder:
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        return converter.convert()


def _require_gpus_compute_rightly(content):
    faults = gpu_faults(content)
    if faults:
        raise ValueError(
            f"Expected a graph that LiteRT's GPU accelerator computes rightly. Received: {faults}"
        )


def _append_metadata(path, metadata, labels):
    with zipfile.ZipFile(path, "a") as file:
        for name, text in metadata_files(metadata, labels).items():
            file.writestr(name, text)
