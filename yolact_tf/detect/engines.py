"""What can stand behind a Detector: a run's Keras model, a SavedModel, or a LiteRT file.

An engine maps a uint8 RGB image [H, W, 3] to {boxes [n, 4] in 0..1, scores [n], class_ids [n], masks
[n, Hp, Wp]}, n counted, class ids those of the data set; a YOLACT++ model adds mask_scores [n], the
Keras engine prototypes and coefficients.
"""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np

from yolact_tf.anchors import build_anchors
from yolact_tf.boxes import clip
from yolact_tf.detect.corridor import Corridor
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.preprocess import resize_images


class KerasEngine:
    """Runs a run's model, compiled once, on any Keras backend."""

    def __init__(self, run):
        self.labels = run.labels
        self.corridor = Corridor(run.model, run.config)
        self.corridor.compile(jit_compile=keras.backend.backend() == "jax")
        self.image_size = run.config.data.image_size
        self.category_ids = np.array(list(run.labels))

    def __call__(self, image):
        resized = resize_images(image[None], self.image_size)
        found = self.corridor.predict_on_batch(resized)
        prototypes = found.pop("prototypes")
        return {**_finished(found, self.category_ids), "prototypes": np.asarray(prototypes[0])}


class SavedModelEngine:
    """Runs the `evaluation` signature of an exported SavedModel, or `tensors` where it has none."""

    def __init__(self, path):
        import tensorflow as tf

        folder = _saved_model_folder(path)
        self._loaded = tf.saved_model.load(str(folder))  # owns the variables of its signatures
        self.signatures = self._loaded.signatures
        self.labels = _read_labels(folder / "assets" / "labels.json")

    def __call__(self, image):
        import tensorflow as tf

        signature = self.signatures["evaluation" if "evaluation" in self.signatures else "tensors"]
        result = _first_image(signature(images=tf.constant(image[None])))
        height, width = image.shape[:2]
        result["boxes"] = result["boxes"] / np.array([width, height, width, height], np.float32)
        return result


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
        self.ends_with_heads = "class_logits" in self.runner.get_output_details()
        if self.ends_with_heads:
            self.category_ids = np.array(list(self.labels))
            self.detect = metadata["detect"]
            self.anchors = build_anchors(**metadata["anchors"])

    def __call__(self, image):
        found = self.runner(image=np.asarray(resize_images(image[None], self.image_size)))
        return self._detect(found) if self.ends_with_heads else _first_image(found)

    def _detect(self, predictions):
        """What a file that has the detections inside would answer, for one that ends with the heads."""
        found = postprocess(predictions, self.anchors, image_size=self.image_size, **self.detect)
        return _finished(found, self.category_ids)


def open_artefact(path):
    """The engine for an exported artefact. ValueError or FileNotFoundError for anything else."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"Expected an exported model. Received: {str(path)!r}, not there")
    if path.suffix == ".tflite":
        return LiteRTEngine(path)
    return SavedModelEngine(path)


def _finished(found, category_ids):
    """The first of PaddedDetections as an engine answers it: boxes clipped, classes by category id."""
    # Clipped before they are counted: JAX compiles anew for every shape.
    result = _first_image({**found, "boxes": clip(found["boxes"])})
    result["class_ids"] = category_ids[result["class_ids"]]
    return result


def _first_image(found):
    """The counted detections of a batch of one as arrays, `classes` named `class_ids`."""
    count = int(found["num_detections"][0])
    result = {name: np.asarray(x[0])[:count] for name, x in found.items() if name != "num_detections"}
    result["class_ids"] = result.pop("classes")
    return result


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
