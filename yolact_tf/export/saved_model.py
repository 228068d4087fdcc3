"""A run to a SavedModel in TF Serving's layout: PATH/1/, with labels, warm-up and server settings."""

import json
from pathlib import Path

import keras
import tensorflow as tf

from yolact_tf.config import MAX_PIXELS
from yolact_tf.export.serving import Serving
from yolact_tf.export.warmup import write_warmup
from yolact_tf.new_folder import new_folder
from yolact_tf.runs import write_text


def to_saved_model(run, path, max_pixels=MAX_PIXELS):
    """Writes `run` as PATH/1 with signatures serving_default, png, tensors, raw and evaluation.

    Beside PATH go models.config, batching.config and docker_run.sh for TF Serving. PATH must not
    exist or be empty; it appears whole or not at all. max_pixels: of an encoded image, all frames of an
    animation together; larger ones are refused before they are decoded.
    """
    path = Path(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"--output must be a new folder. Received: {str(path)!r}, which exists")
    with new_folder(path) as made:
        _write_version(run, made / "1", max_pixels)
    _write_server_files(path.resolve())
    return path


def _write_version(run, folder, max_pixels):
    serving = Serving(run, traced_once=True, max_pixels=max_pixels)
    text = tf.TensorSpec([None], tf.string, name="image_bytes")
    pixels = tf.TensorSpec([None, None, None, 3], tf.uint8, name="images")
    archive = keras.export.ExportArchive()
    archive.track(run.model)
    archive.add_endpoint("serving_default", serving.rle, [text])
    archive.add_endpoint("png", serving.png, [text])
    archive.add_endpoint("tensors", serving.tensors, [pixels])
    archive.add_endpoint("raw", serving.raw, [pixels])
    archive.add_endpoint("evaluation", serving.evaluation, [pixels])
    archive.write_out(str(folder), verbose=False)
    labels = {str(category): name for category, name in run.labels.items()}
    (folder / "assets").mkdir(exist_ok=True)
    write_text(folder / "assets" / "labels.json", json.dumps(labels, indent=2))
    write_warmup(folder, run.config.data.image_size)


def _write_server_files(path):
    """What `docker run` of TF Serving needs, beside PATH."""
    write_text(
        path.parent / "models.config",
        "model_config_list {\n"
        "  config {\n"
        f'    name: "{path.name}"\n'
        f'    base_path: "/models/{path.name}"\n'
        '    model_platform: "tensorflow"\n'
        "  }\n"
        "}\n",
    )
    write_text(
        path.parent / "batching.config",
        "max_batch_size { value: 8 }\n"
        "batch_timeout_micros { value: 5000 }\n"
        "max_enqueued_batches { value: 64 }\n"
        "num_batch_threads { value: 2 }\n",
    )
    script = path.parent / "docker_run.sh"
    write_text(
        script,
        "#!/bin/sh\n"
        "# Serves the model on http://localhost:8501 with TF Serving's stock image.\n"
        'cd "$(dirname "$0")" && exec docker run --rm -p 8501:8501 -v "$PWD:/models" '
        "tensorflow/serving:2.20.0 --model_config_file=/models/models.config "
        "--enable_batching --batching_parameters_file=/models/batching.config\n",
    )
    script.chmod(0o755)
