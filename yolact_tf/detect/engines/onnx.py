"""Detection by an exported `.onnx`."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines.answers import require_names
from yolact_tf.detect.engines.engine import SquareEngine
from yolact_tf.detect.engines.metadata import checked_metadata
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.files import PathLike
from yolact_tf.packages import require_package

METADATA = "metadata.json"  # the key in `metadata_props` of the text that other artefacts have as a file
_EXPECTED = "expected an .onnx of `yolact export`"


class OnnxEngine(SquareEngine):
    """Runs an exported `.onnx` with onnxruntime on the CPU, one image at a time.

    threads: how many work on one image; all usable cores where None.
    """

    kind = "ONNX"

    def __init__(self, path: PathLike, threads: int | None = None):
        self.path = path
        self._session = _open(path, threads)
        text = self._session.get_modelmeta().custom_metadata_map.get(METADATA, "")
        metadata = checked_metadata(text, path, _EXPECTED)
        self.labels, self.anchor_settings = metadata["labels"], metadata["anchors"]
        self.mask_options = MaskOptions.of(metadata["detect"])
        require_names(self.labels, metadata.get("num_classes"), path)
        self.image_size, self.channels = self._session.get_inputs()[0].shape[2:]
        self._names = [output.name for output in self._session.get_outputs()]

    def compute(self, image: np.ndarray) -> Mapping[str, np.ndarray]:
        answer = self._session.run(self._names, {"image": image})
        return dict(zip(self._names, answer, strict=True))


def _open(path, threads) -> Any:
    onnxruntime = require_package("onnxruntime", "onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or usable_cores()
    options.log_severity_level = 3  # errors: warnings are of graph optimisations
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's many kinds have no other parent
        raise ValueError(f"{path}: {_EXPECTED}. Received: {' '.join(str(error).split())[:200]}") from None
