"""What can stand behind a Detector: a run's Keras model, a SavedModel, or a LiteRT file.

An engine maps a uint8 RGB image [H, W, 3] to {boxes [n, 4] in 0..1, scores [n], class_ids [n], masks
[n, Hp, Wp]}, n counted, class ids those of the data set; a YOLACT++ model adds mask_scores [n], the
Keras engine and a `.tflite` of `litert_explore` add coefficients [n, K] and prototypes [Hp, Wp, K]. `batch`
does so with several images, of any sizes, and is one call where that can be. Threads may share it.
"""

import contextlib
import itertools
import json
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from yolact_tf.anchors import build_anchors
from yolact_tf.boxes import clip
from yolact_tf.cores import usable_cores
from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.files import PathLike
from yolact_tf.labels import labels_from_json
from yolact_tf.model_folder import LABELS, load_saved_model, require_versions
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run

_EXPECTED_LITERT = "expected a .tflite of `yolact export`"


class KerasEngine:
    """Runs a run's model, compiled once, on any Keras backend."""

    def __init__(self, run: Run):
        self.labels = run.labels
        self.detection_model = DetectionModel(run.model, run.config)
        self.detection_model.compile(jit_compile=keras.backend.backend() == "jax")
        self.image_size = run.config.data.image_size
        self.category_ids = np.array(list(run.labels))

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        return self.batch([image])[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        resized = [resize_images(image[None], self.image_size) for image in images]
        found = self.detection_model.predict_on_batch(keras.ops.concatenate(resized))
        return _finished(found, self.category_ids)


class SavedModelEngine:
    """Runs `evaluation` of the newest version of an exported SavedModel, or `tensors` where it has none."""

    def __init__(self, path: PathLike):
        folder = next(iter(require_versions(path).values()))  # the newest
        self._loaded = load_saved_model(folder)  # owns the variables of its signatures
        self.signatures = dict(self._loaded.signatures)
        if not {"tensors", "raw"} <= set(self.signatures):
            raise ValueError(
                f"{folder}: expected the signatures of `yolact export`, tensors and raw among them. "
                f"Received: {', '.join(sorted(self.signatures)) or 'none'}"
            )
        self.labels = _read_labels(folder / LABELS)
        num_classes = self.signatures["raw"].structured_outputs["class_logits"].shape[-1] - 1
        _require_names(self.labels, num_classes, folder / LABELS)

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        return self.batch([image])[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        signature = "evaluation" if "evaluation" in self.signatures else "tensors"
        of_one_size = (list(group) for _, group in itertools.groupby(images, np.shape))
        return [found for group in of_one_size for found in self._answers(signature, np.stack(group))]

    def answer(self, signature: str, image: np.ndarray) -> dict[str, np.ndarray]:
        """What the engine answers, by `signature`, one of those that take pixels and detect."""
        return self._answers(signature, image[None])[0]

    def _answers(self, signature, images):
        import tensorflow as tf

        results = _by_image(self.signatures[signature](images=tf.constant(images)))
        height, width = images.shape[1:3]
        for result in results:
            result["boxes"] = result["boxes"] / np.array([width, height, width, height], np.float32)
        return results


class LiteRTEngine:
    """Runs an exported `.tflite` on LiteRT's CPU interpreter (XNNPACK), one image at a time.

    threads: how many work on one image; all usable cores where None.
    """

    def __init__(self, path: PathLike, threads: int | None = None):
        if threads is not None and not (isinstance(threads, int) and threads >= 1):
            raise ValueError(f"`threads` must be a whole number, at least 1. Received: {threads!r}")
        metadata = read_metadata(path)
        self.path = path
        self.runner = _open_litert(path, threads or usable_cores())
        self._is_free = threading.Lock()  # an interpreter has one set of buffers
        self.image_size = int(self.runner.get_input_details()["image"]["shape"][1])
        self.labels = metadata["labels"]
        logits = self.runner.get_output_details().get("class_logits")
        self.ends_with_heads = logits is not None
        # Of a file that ends with detections only its metadata know the number; those of old exports do not.
        known = metadata.get("num_classes", len(self.labels))
        _require_names(self.labels, int(logits["shape"][-1]) - 1 if self.ends_with_heads else known, path)
        if self.ends_with_heads:
            self.category_ids = np.array(list(self.labels))
            self.detect = metadata["detect"]
            self.anchors = build_anchors(**metadata["anchors"])

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        resized = np.asarray(resize_images(image[None], self.image_size))
        with self._is_free, _damage_named(self.path):
            found = self.runner(image=resized)
        return self._detect(found) if self.ends_with_heads else _by_image(found)[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [self(image) for image in images]

    def _detect(self, predictions):
        """What a file that has the detections inside would answer, for one that ends with the heads."""
        found = postprocess(predictions, self.anchors, image_size=self.image_size, **self.detect)
        return _finished(found, self.category_ids)[0]


Engine = KerasEngine | SavedModelEngine | LiteRTEngine


def open_artefact(path: PathLike, threads: int | None = None) -> SavedModelEngine | LiteRTEngine:
    """The engine for an exported artefact. ValueError or FileNotFoundError for anything else."""
    path = Path(path)
    if path.suffix == ".tflite" and path.is_file():
        return LiteRTEngine(path, threads)
    if threads is not None:
        raise ValueError(
            "`threads` is for .tflite files; TensorFlow's are those of the whole process "
            f"(tf.config.threading). Received: {threads} for {str(path)!r}"
        )
    return SavedModelEngine(path)


def read_metadata(path: PathLike) -> dict[str, Any]:
    """The metadata.json in a `.tflite` that we exported, `labels` by category id.

    ValueError in one line for any other file.
    """
    try:
        with zipfile.ZipFile(path) as appended:
            metadata = json.loads(appended.read("metadata.json"))
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {_EXPECTED_LITERT}. Received one without metadata ({error})") from None
    is_object = isinstance(metadata, dict)
    expected = ("labels", "detect", "anchors")
    missing = [key for key in expected if not (is_object and isinstance(metadata.get(key), dict))]
    if missing:
        raise ValueError(f"{path}: {_EXPECTED_LITERT}. Received one whose metadata lack {missing}")
    labels = labels_from_json(json.dumps(metadata["labels"]), f"{path}: metadata.json")
    return {**metadata, "labels": labels}


def _open_litert(path, threads):
    """The runner of `serving_default`."""
    from ai_edge_litert.interpreter import Interpreter

    with _damage_named(path):
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter.get_signature_runner("serving_default")


@contextlib.contextmanager
def _damage_named(path):
    """Says what LiteRT raises for a file that it cannot run in one line that names the file."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: {_EXPECTED_LITERT}. Received: {reason}") from None


def _finished(found, category_ids):
    """PaddedDetections as an engine answers them, by image: boxes clipped, classes by category id."""
    # Clipped before they are counted: JAX compiles anew for every shape.
    results = _by_image({**found, "boxes": clip(found["boxes"])})
    for result in results:
        result["class_ids"] = category_ids[result["class_ids"]]
    return results


def _by_image(found):
    """The counted detections of each image of a batch as arrays, `classes` named `class_ids`."""
    arrays = {name: np.asarray(x) for name, x in found.items()}
    counts = arrays.pop("num_detections").tolist()
    arrays["class_ids"] = arrays.pop("classes")
    prototypes = arrays.pop("prototypes", None)  # of the image, not of a detection
    results = [{name: x[i, :count] for name, x in arrays.items()} for i, count in enumerate(counts)]
    if prototypes is not None:
        for result, one in zip(results, prototypes, strict=True):
            result["prototypes"] = one
    return results


def _read_labels(path):
    """Category id -> name."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the names of an export's classes. Received none")
    return labels_from_json(path.read_text(encoding="utf-8"), path)


def _require_names(labels, num_classes, path):
    if len(labels) != num_classes:
        raise ValueError(
            f"{path}: expected a name for each of the model's {num_classes} classes. Received: {len(labels)}"
        )
