"""Detector: an RGB image in, Detections in its own pixels out."""

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.engines import KerasEngine, open_artefact


class Detector:
    """Finds objects with a loaded run, or with an exported artefact.

    run: what `load_run` returns.  `detector(image)` takes [H, W, 3] uint8 RGB of any size.  `engine` is
    what computes: Keras, a SavedModel or LiteRT.
    """

    def __init__(self, run):
        self.engine = KerasEngine(run)

    @classmethod
    def from_artefact(cls, path):
        """A detector on an exported SavedModel folder or `.tflite` file."""
        detector = cls.__new__(cls)
        detector.engine = open_artefact(path)
        return detector

    @property
    def labels(self):
        """Category id -> name."""
        return self.engine.labels

    def __call__(self, image):
        """Detections of one image, best first, down to the score threshold of the model's config."""
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(
                "An image must be a [height, width, 3] uint8 array of RGB. "
                f"Received: shape {image.shape}, dtype {image.dtype}"
            )
        found = self.engine(image)
        height, width = image.shape[:2]
        return Detections(
            image_size=(height, width),
            boxes=found["boxes"] * np.array([width, height, width, height], np.float32),
            scores=found["scores"],
            class_ids=found["class_ids"],
            class_names=tuple(self.labels[int(i)] for i in found["class_ids"]),
            mask_probabilities=found["masks"],
            rescored=found.get("mask_scores"),
            prototypes=found.get("prototypes"),
            coefficients=found.get("coefficients"),
        )
