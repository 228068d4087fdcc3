"""Images that say between which values a network's activations lie, as int8 has to know beforehand."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.config import DataConfig
from yolact_tf.cores import usable_cores
from yolact_tf.data.load import load_data
from yolact_tf.export.tflite_graph import read_operations
from yolact_tf.files import PathLike
from yolact_tf.preprocess import resize_images
from yolact_tf.structures import Progress

SPLIT = "train"
logger = logging.getLogger(__name__)


class CalibrationImages:
    """Up to `count` images of the training split of `data`, spread evenly over it, as the network sees them.

    Iterating reads [1, S, S, C] float32 0..255, C `settings.channels`, one at a time; an image that cannot be
    read is left out with a line of the log, or raises where `settings.on_error` is "refuse". progress: called
    as progress(done, total).
    """

    def __init__(self, data: PathLike, settings: DataConfig, count: int, progress: Progress | None = None):
        self._split = load_data(data, SPLIT, settings)
        self._settings = settings
        self._progress = progress or (lambda done, total: None)
        total = self._split.num_images
        if not total:
            raise ValueError(f"{self._split.origin}: expected images to calibrate on. Received none")
        self._chosen = set(np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist())
        self._name = Path(data).resolve().name

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[np.ndarray]:
        chosen = (record for at, record in enumerate(self._split.records) if at in self._chosen)
        self._progress(0, len(self))
        for done, record in enumerate(chosen, 1):
            try:
                image = record.read_image()
            except (ValueError, OSError) as error:
                if self._settings.on_error == "refuse":
                    raise
                logger.warning("left out of the calibration: %s", error)
            else:
                shape = self._settings.image_size, self._settings.channels
                yield np.asarray(resize_images(image[None], *shape))
            self._progress(done, len(self))

    def describe(self) -> dict[str, Any]:
        """What metadata.json says of them."""
        return {"data": self._name, "split": SPLIT, "images": len(self)}


def value_ranges(content: bytes, images: CalibrationImages) -> dict[str, dict[str, np.ndarray]]:
    """{tensor: {"min": [1], "max": [1]}} of a float32 `.tflite`: the least and largest value that each tensor
    but constants takes in an image, averaged over `images`.

    The average, since what a single image does once would make the steps of all others coarser.
    """
    interpreter = _watched(content)
    run = interpreter.get_signature_runner()
    constants = _constants(content)
    details = interpreter.get_tensor_details()
    tensors = [x for x in details if x["dtype"] == np.float32 and x["name"] not in constants]
    extremes = []
    for image in images:
        run(image=image)
        extremes.append([_extremes(interpreter.get_tensor(x["index"])) for x in tensors])
    if not extremes:
        raise ValueError("Expected at least one image to calibrate on that can be read. Received none")
    means = np.mean(extremes, axis=0)
    if not np.isfinite(means).all():
        raise ValueError("Expected a network of finite values. Received one that computes NaN or infinity")
    # What no image fires takes any range; the quantizer's own is so narrow that XNNPACK refuses the step.
    means[~means.any(1)] = 0, 1
    return {
        x["name"]: {"min": low, "max": high} for x, (low, high) in zip(tensors, means[..., None], strict=True)
    }


def _watched(content):
    """An interpreter that keeps what every operation computed."""
    from ai_edge_litert.interpreter import Interpreter

    with warnings.catch_warnings():
        # Of the memory that it takes, which is what is wanted.
        warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")
        interpreter = Interpreter(
            model_content=content, num_threads=usable_cores(), experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    return interpreter


def _constants(content):
    """Names of the weights and the like: ranges of a whole weight would be taken for all of its channels."""
    return {x.name for operation in read_operations(content) for x in operation.inputs if x.is_constant}


def _extremes(values):
    return (values.min(), values.max()) if values.size else (0.0, 0.0)
