"""Detector: an RGB image in, Detections in its own pixels out."""

from collections.abc import Mapping
from typing import Self

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.engines import Engine, KerasEngine, open_artefact
from yolact_tf.files import PathLike
from yolact_tf.runs import Run


class Detector:
    """Finds objects with a loaded run, or with an exported artefact.

    run: what `load_run` returns.  `detector(image)` takes [H, W, 3] uint8 RGB of any size.  `engine` is
    what computes: Keras, a SavedModel or LiteRT. Threads may share a detector.
    """

    def __init__(self, run: Run):
        self.engine: Engine = KerasEngine(run)

    @classmethod
    def from_artefact(cls, path: PathLike, threads: int | None = None) -> Self:
        """A detector on an exported SavedModel folder or `.tflite` file.

        threads: how many work on one image of a `.tflite`, by default one a usable core.
        """
        detector = cls.__new__(cls)
        detector.engine = open_artefact(path, threads)
        return detector

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name."""
        return self.engine.labels

    def __call__(self, image: np.ndarray) -> Detections:
        """Detections of one image, best first, down to the score threshold of the model's config."""
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(
                "An image must be a [height, width, 3] uint8 array of RGB, of one pixel or more. "
                f"Received: shape {image.shape}, dtype {image.dtype}"
            )
        found = self.engine(image)
        return as_detections(found, image.shape[:2], self._names(found["class_ids"]))

    def _names(self, class_ids):
        unknown = sorted(set(class_ids.tolist()) - set(self.labels))
        if unknown:
            raise ValueError(
                f"Expected the model to find one of its categories {sorted(self.labels)}. "
                f"Received: {unknown}, for which its labels have no name"
            )
        return tuple(self.labels[i] for i in class_ids.tolist())


def as_detections(
    found: Mapping[str, np.ndarray], image_size: tuple[int, int], class_names: tuple[str, ...]
) -> Detections:
    """What an engine found in an image of `image_size` (height, width), in its pixels."""
    height, width = image_size
    return Detections(
        image_size=(height, width),
        boxes=found["boxes"] * np.array([width, height, width, height], np.float32),
        scores=found["scores"],
        class_ids=found["class_ids"],
        class_names=class_names,
        mask_probabilities=found["masks"],
        rescored=found.get("mask_scores"),
        prototypes=found.get("prototypes"),
        coefficients=found.get("coefficients"),
    )
