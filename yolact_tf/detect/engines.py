"""What can stand behind a Detector: a run's Keras model, a SavedModel, or a LiteRT file.

An engine maps a uint8 RGB image [H, W, 3] to {boxes [n, 4] in 0..1, scores [n], class_ids [n], masks
[n, Hp, Wp]}, n counted, class ids those of the data set; the Keras engine adds prototypes and
coefficients.
"""

import json
import zipfile
from pathlib import Path

import numpy as np

from yolact_tf.boxes import clip
from yolact_tf.detect.corridor import Corridor
from yolact_tf.preprocess import resize_images


class KerasEngine:
    """Runs a run's model, compiled once, on any Keras backend."""

    def __init__(self, run):
        self.labels = run.labels
        self.corridor = Corridor(run.model, run.config.detect)
        self.corridor.compile(jit_compile=False)
        self.image_size = run.config.data.image_size
        self.category_ids = np.array(list(run.labels))

    def __call__(self, image):
        resized = resize_images(image[None], self.image_size)
        found = self.corridor.predict_on_batch(resized)
        count = int(found["num_detections"][0])
        result = {name: np.asarray(found[name][0]) for name in found if name != "num_detections"}
        for name in ("boxes", "scores", "classes", "masks", "coefficients"):
            result[name] = result[name][:count]
        result["class_ids"] = self.category_ids[result.pop("classes")]
        result["boxes"] = np.asarray(clip(result["boxes"]))
        return result


class SavedModelEngine:
    """Runs the `tensors` signature of an exported SavedModel."""

    def __init__(self, path):
        import tensorflow as tf

        folder = _saved_model_folder(path)
        self.loaded = tf.saved_model.load(str(folder))
        self.signature = self.loaded.signatures["tensors"]
        self.labels = _read_labels(folder / "assets" / "labels.json")

    def __call__(self, image):
        import tensorflow as tf

        found = self.signature(images=tf.constant(image[None]))
        count = int(found["num_detections"][0])
        height, width = image.shape[:2]
        scale = np.array([width, height, width, height], np.float32)
        return {
            "boxes": found["boxes"].numpy()[0, :count] / scale,
            "scores": found["scores"].numpy()[0, :count],
            "class_ids": found["classes"].numpy()[0, :count],
            "masks": found["masks"].numpy()[0, :count],
        }


class LiteRTEngine:
    """Runs an exported `.tflite` on LiteRT's CPU interpreter (XNNPACK)."""

    def __init__(self, path, num_threads=2):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(path), num_threads=num_threads)
        self.runner = self.interpreter.get_signature_runner("serving_default")
        self.image_size = int(self.runner.get_input_details()["image"]["shape"][1])
        with zipfile.ZipFile(path) as appended:
            metadata = json.loads(appended.read("metadata.json"))
        self.labels = {int(key): name for key, name in metadata["labels"].items()}

    def __call__(self, image):
        resized = np.asarray(resize_images(image[None], self.image_size))
        found = self.runner(image=resized)
        count = int(found["num_detections"][0])
        return {
            "boxes": found["boxes"][0, :count],
            "scores": found["scores"][0, :count],
            "class_ids": found["classes"][0, :count],
            "masks": found["masks"][0, :count],
        }


def open_artefact(path):
    """The engine for an exported artefact. ValueError or FileNotFoundError for anything else."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"Expected an exported model. Received: {str(path)!r}, not there")
    if path.suffix == ".tflite":
        return LiteRTEngine(path)
    return SavedModelEngine(path)


def _saved_model_folder(path):
    """The newest version below PATH/1/…, or PATH itself."""
    path = Path(path)
    versions = [p for p in path.iterdir() if p.name.isdigit()] if path.is_dir() else []
    folder = max(versions, key=lambda p: int(p.name), default=path)
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(
            f"Expected a .tflite file or a folder with {path.name}/<version>/saved_model.pb. "
            f"Received: {str(path)!r}"
        )
    return folder


def _read_labels(path):
    labels = json.loads(path.read_text(encoding="utf-8"))
    return {int(key): name for key, name in labels.items()}
