"""Detection by an exported OpenVINO folder."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines.answers import by_image, require_names
from yolact_tf.detect.engines.metadata import checked_metadata
from yolact_tf.detect.engines.packages import require_package
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.files import PathLike
from yolact_tf.preprocess import resize_images

MODEL, METADATA = "model.xml", "metadata.json"  # in the folder; the weights lie in model.bin
_EXPECTED = "expected an OpenVINO folder of `yolact export`"


class OpenVinoEngine:
    """Runs an exported OpenVINO folder on the CPU, one image at a time.

    threads: how many work on one image; all usable cores where None.
    """

    precision, accelerator = "float32", "cpu"

    def __init__(self, path: PathLike, threads: int | None = None):
        self.path = Path(path)
        try:
            text = (self.path / METADATA).read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {_EXPECTED}. Received one without metadata ({error})") from None
        metadata = checked_metadata(text, path, _EXPECTED)
        self.labels = metadata["labels"]
        self.mask_options = MaskOptions.of(metadata["detect"])
        require_names(self.labels, metadata.get("num_classes"), path)
        self._compiled = _open(self.path / MODEL, threads)
        self._is_free = threading.Lock()  # a compiled model that is called has one set of buffers
        self.image_size = self._compiled.input("image").shape[1]

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        resized = np.asarray(resize_images(image[None], self.image_size))
        with self._is_free:
            answer = self._compiled({"image": resized})
            found = {output.any_name: np.array(answer[output]) for output in self._compiled.outputs}
        return by_image(found)[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [self(image) for image in images]


def is_openvino(path: Path) -> bool:
    """Whether `path` is a folder with a model of OpenVINO."""
    return (path / MODEL).is_file()


def _open(path, threads) -> Any:
    openvino = require_package("openvino", "openvino")
    # Without the hint, CPUs that have bfloat16 compute in it.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads or usable_cores()}
    try:
        return openvino.Core().compile_model(str(path), "CPU", settings)
    except RuntimeError as error:
        raise ValueError(f"{path}: {_EXPECTED}. Received: {' '.join(str(error).split())[:200]}") from None
