"""Detection by an exported OpenVINO folder."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines.answers import require_names
from yolact_tf.detect.engines.engine import SquareEngine
from yolact_tf.detect.engines.metadata import checked_metadata
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.files import PathLike
from yolact_tf.packages import require_package

MODEL, METADATA = "model.xml", "metadata.json"  # in the folder; the weights lie in model.bin
_EXPECTED = "expected an OpenVINO folder of `yolact export`"


class OpenVinoEngine(SquareEngine):
    """Runs an exported OpenVINO folder on the CPU, one image at a time.

    threads: how many work on one image; all usable cores where None.
    """

    kind = "OpenVINO"

    def __init__(self, path: PathLike, threads: int | None = None):
        self.path = Path(path)
        try:
            text = (self.path / METADATA).read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {_EXPECTED}. Received one without metadata ({error})") from None
        metadata = checked_metadata(text, path, _EXPECTED)
        self.labels, self.anchor_settings = metadata["labels"], metadata["anchors"]
        self.mask_options = MaskOptions.of(metadata["detect"])
        require_names(self.labels, metadata.get("num_classes"), path)
        self._compiled = _open(self.path / MODEL, threads)
        self._is_free = threading.Lock()  # a compiled model that is called has one set of buffers
        self.image_size, self.channels = list(self._compiled.input("image").shape)[2:]

    def compute(self, image: np.ndarray) -> Mapping[str, np.ndarray]:
        with self._is_free:
            answer = self._compiled({"image": image})
            return {output.any_name: np.array(answer[output]) for output in self._compiled.outputs}


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
