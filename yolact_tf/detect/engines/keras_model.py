"""Detection by a run's own Keras model."""

from collections.abc import Sequence

import keras
import numpy as np

from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.detect.engines.answers import finished
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run


class KerasEngine:
    """Runs a run's model, compiled once, on any Keras backend."""

    precision, accelerator = "float32", "cpu"

    def __init__(self, run: Run):
        self.labels = run.labels
        self.mask_options = MaskOptions(run.config.detect.mask_upsampling, run.config.detect.disjoint)
        self.detection_model = DetectionModel(run.model, run.config)
        self.detection_model.compile(jit_compile=keras.backend.backend() == "jax")
        self.image_size = run.config.data.image_size
        self.category_ids = np.array(list(run.labels))

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        return self.batch([image])[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        resized = [resize_images(image[None], self.image_size) for image in images]
        found = self.detection_model.predict_on_batch(keras.ops.concatenate(resized))
        return finished(found, self.category_ids)
