"""A run to a SavedModel in TF Serving's layout, with labels, warm-up and server settings."""

import dataclasses
import json
from pathlib import Path

import keras
import tensorflow as tf

from yolact_tf.config import MAX_PIXELS
from yolact_tf.export.server_files import write_server_files
from yolact_tf.export.serving import Serving
from yolact_tf.export.warmup import write_warmup
from yolact_tf.files import Check, PathLike, new_folder, write_text
from yolact_tf.labels import labels_to_json
from yolact_tf.model_folder import DETECTION, LABELS, find_versions, new_version
from yolact_tf.runs import Run


def to_saved_model(
    run: Run,
    path: PathLike,
    max_pixels: int = MAX_PIXELS,
    check: Check | None = None,
    precision: str = "float32",
) -> Path:
    """Writes `run` as one more version of PATH with signatures serving_default, png, tensors, raw,
    evaluation and explore.

    path: gets the version after its newest, 1 at first; PATH/N writes version N of PATH. A version
    appears whole or not at all, and none is overwritten. Beside PATH goes what TF Serving is
    started with (`write_server_files`). Returns PATH.
    max_pixels: of an encoded image, all frames of an animation together; larger ones are refused before
    they are decoded.
    check: called with the version's folder before it gets its name; where it raises, nothing is written.
    precision: of the network, "float32" or "bfloat16", which halves its file and is for servers whose
    processors have AVX512_BF16 or AMX; NMS, boxes and masks are float32.
    """
    base, folder = new_version(path)
    # A model's folder appears with its first version, never without any.
    appears = folder if find_versions(base) else base
    with new_folder(appears) as made:
        version = made / folder.relative_to(appears)
        _write_version(run, version, max_pixels, precision)
        if check:
            check(version)
    write_server_files(base.parent)
    return base


def _write_version(run, folder, max_pixels, precision):
    serving = Serving(run, traced_once=True, max_pixels=max_pixels, precision=precision)
    text = tf.TensorSpec([None], tf.string, name="image_bytes")
    pixels = tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")
    endpoints = {
        "serving_default": (serving.rle, text),
        "png": (serving.png, text),
        "tensors": (serving.tensors, pixels),
        "raw": (serving.raw, pixels),
        "evaluation": (serving.evaluation, pixels),
        "explore": (serving.rle_explored, text),
    }
    # It writes the variables that endpoints use; of a model that it tracks it would write each once more.
    archive = keras.export.ExportArchive()
    for name, (function, spec) in endpoints.items():
        archive.add_endpoint(name, function, [spec])
    archive.write_out(str(folder), verbose=False)
    (folder / LABELS).parent.mkdir(exist_ok=True)
    write_text(folder / LABELS, labels_to_json(run.labels))
    detect = dataclasses.replace(run.config.detect, precision=precision)
    write_text(folder / DETECTION, json.dumps(dataclasses.asdict(detect), indent=2) + "\n")
    write_warmup(folder, {name: spec for name, (_, spec) in endpoints.items()}, run.config.data.image_size)
