"""Detection by a run's own Keras model."""

from collections.abc import Sequence

import keras
import numpy as np

from yolact_tf.config import PRECISIONS
from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.detect.engines.answers import finished
from yolact_tf.detect.engines.bfloat16 import require_bfloat16
from yolact_tf.detect.engines.engine import Engine, Found
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.model.inference import inference_network
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run
from yolact_tf.structures import Tensor


class KerasEngine(Engine):
    """Runs a run's model, compiled once, on any Keras backend.

    live: computes with the model itself, so with the weights that it has at each call, instead of with an
    `inference_network`.  precision: of that, "float32" or "bfloat16", or None for `detect.precision`.
    """

    kind = "run"

    def __init__(self, run: Run, live: bool = False, precision: str | None = None):
        if live and precision:
            raise ValueError(
                f"`precision` must be None beside `live`: a model has its own. Received: {precision!r}"
            )
        if precision not in (None, *PRECISIONS):
            raise ValueError(f"`precision` must be one of {list(PRECISIONS)}. Received: {precision!r}")
        self.precision = "float32" if live else precision or run.config.detect.precision
        if self.precision == "bfloat16" and keras.backend.backend() == "tensorflow":
            require_bfloat16()
        self.labels = run.labels
        self.mask_options = MaskOptions(run.config.detect.mask_upsampling, run.config.detect.disjoint)
        self.detection_model = DetectionModel(
            run.model if live else inference_network(run.model, self.precision), run.config
        )
        self.detection_model.compile(jit_compile=keras.backend.backend() == "jax")
        self.image_size, self.channels = run.model.input_shape[2:]
        self.anchor_settings = run.model.anchor_settings
        self.category_ids = np.array(list(run.labels))

    def prepare(self, images: Sequence[np.ndarray]) -> Tensor:
        """[B, S, S, 3 or 1] float32 of the images."""
        resized = [resize_images(image[None], self.image_size, self.channels) for image in images]
        return keras.ops.concatenate(resized)

    def detect(self, prepared: Tensor) -> list[Found]:
        return finished(self.detection_model.predict_on_batch(prepared), self.category_ids)
