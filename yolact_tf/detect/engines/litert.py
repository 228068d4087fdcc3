"""Detection by an exported `.tflite`."""

import threading
from collections.abc import Mapping

import numpy as np

from yolact_tf.anchors import build_anchors
from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines.answers import finished, require_names
from yolact_tf.detect.engines.engine import Found, SquareEngine
from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.detect.engines.litert_runners import CpuRunner, GpuRunner
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.files import PathLike

ACCELERATORS = ("cpu", "gpu", "gpu_float16")


class LiteRTEngine(SquareEngine):
    """Runs an exported `.tflite` with LiteRT, one image at a time.

    threads: how many of the CPU work on one image; all usable cores where None.  accelerator: "cpu"
    (XNNPACK), "gpu" in float32, or "gpu_float16", faster and less exact, as is LiteRT's default on phones.
    ValueError for a file that GPUs cannot run, MissingGpu where there is none.
    """

    kind = "LiteRT"

    def __init__(self, path: PathLike, threads: int | None = None, accelerator: str = "cpu"):
        if accelerator not in ACCELERATORS:
            raise ValueError(f"`accelerator` must be one of {list(ACCELERATORS)}. Received: {accelerator!r}")
        metadata = read_metadata(path)
        reasons = metadata.get("cpu_only_because")
        if accelerator != "cpu" and reasons:
            raise ValueError(f"{path}: expected a file that GPUs can run. Received one for CPUs: {reasons}")
        self.path = path
        self.accelerator = accelerator
        self.precision = metadata.get("precision", "float32")
        self.labels = metadata["labels"]
        self.anchor_settings = metadata["anchors"]
        self.mask_options = MaskOptions.of(metadata["detect"])
        self.runner = _open(path, threads, accelerator)
        self._is_free = threading.Lock()  # a runner has one set of buffers
        self.image_size, self.channels = self.runner.input_shape[2:]
        logits = self.runner.output_shapes.get("class_logits")
        self.ends_with_heads = logits is not None
        # Of a file that ends with detections only its metadata know the number; those of old exports do not.
        known = metadata.get("num_classes", len(self.labels))
        require_names(self.labels, logits[-1] - 1 if self.ends_with_heads else known, path)
        if self.ends_with_heads:
            self.category_ids = np.array(list(self.labels))
            options = metadata["detect"].items()
            self.detect_options = {name: value for name, value in options if name not in MaskOptions._fields}
            self.anchors = build_anchors(**self.anchor_settings)

    def compute(self, image: np.ndarray) -> Mapping[str, np.ndarray]:
        with self._is_free:
            return self.runner(image)

    def found_in(self, answer: Mapping[str, np.ndarray]) -> Found:
        """What the file has found, or, for one that ends with the heads, what it would have."""
        if not self.ends_with_heads:
            return super().found_in(answer)
        found = postprocess(answer, self.anchors, image_size=self.image_size, **self.detect_options)
        return finished(found, self.category_ids)[0]


def _open(path, threads, accelerator):
    if accelerator == "cpu":
        return CpuRunner(path, threads or usable_cores())
    if threads is not None:
        raise ValueError(f"`threads` is for the CPU alone. Received: {threads} with {accelerator!r}")
    return GpuRunner(path, float16=accelerator == "gpu_float16")
