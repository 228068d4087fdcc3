"""Detection by an exported SavedModel."""

import json
from collections.abc import Sequence

import numpy as np

from yolact_tf.detect.engines.answers import by_image, require_names
from yolact_tf.detect.engines.bfloat16 import require_bfloat16
from yolact_tf.detect.engines.engine import Engine, Found
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.files import PathLike
from yolact_tf.labels import labels_from_json
from yolact_tf.model_folder import DETECTION, LABELS, load_saved_model, require_versions

_LARGEST_BATCH = 50_000_000  # values of images, which are float32 before they are resized: 200 MB


class SavedModelEngine(Engine):
    """Runs `evaluation` of the newest version of an exported SavedModel, or `tensors` where it has none."""

    kind = "SavedModel"
    image_size = channels = anchor_settings = None  # which its graph alone knows

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
        settings = _read_settings(folder / DETECTION)
        self.mask_options = MaskOptions.of(settings)
        self.precision = settings.get("precision", "float32")
        self._is_able = False  # which is asked once it computes: anyone may look at it
        num_classes = self.signatures["raw"].structured_outputs["class_logits"].shape[-1] - 1
        require_names(self.labels, num_classes, folder / LABELS)

    def prepare(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Batches [B, H, W, 3], each of neighbours of one size; the model resizes them."""
        batches: list[list[np.ndarray]] = []
        for image in images:
            last = batches[-1] if batches else []
            if last and last[0].shape == image.shape and (len(last) + 1) * image.size <= _LARGEST_BATCH:
                last.append(image)
            else:
                batches.append([image])
        return [np.stack(batch) for batch in batches]

    def detect(self, prepared: Sequence[np.ndarray]) -> list[Found]:
        signature = "evaluation" if "evaluation" in self.signatures else "tensors"
        return [found for images in prepared for found in self._answers(signature, images)]

    def answer(self, signature: str, image: np.ndarray) -> Found:
        """What the engine answers, by `signature`, one of those that take pixels and detect."""
        return self._answers(signature, image[None])[0]

    def _answers(self, signature, images):
        import tensorflow as tf

        if self.precision == "bfloat16" and not self._is_able:
            require_bfloat16()
            self._is_able = True
        results = by_image(self.signatures[signature](images=tf.constant(images)))
        height, width = images.shape[1:3]
        for result in results:
            result["boxes"] = result["boxes"] / np.array([width, height, width, height], np.float32)
        return results


def _read_labels(path):
    """Category id -> name."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the names of an export's classes. Received none")
    return labels_from_json(path.read_text(encoding="utf-8"), path)


def _read_settings(path):
    """Those of a file that exports of earlier releases lack."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
