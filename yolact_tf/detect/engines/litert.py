"""Detection by an exported `.tflite`."""

import threading
from collections.abc import Sequence

import numpy as np

from yolact_tf.anchors import build_anchors
from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines.answers import by_image, finished, require_names
from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.detect.engines.litert_runners import CpuRunner, GpuRunner
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.files import PathLike
from yolact_tf.preprocess import resize_images

ACCELERATORS = ("cpu", "gpu", "gpu_float16")


class LiteRTEngine:
    """Runs an exported `.tflite` with LiteRT, one image at a time.

    threads: how many of the CPU work on one image; all usable cores where None.  accelerator: "cpu"
    (XNNPACK), "gpu" in float32, or "gpu_float16", faster and less exact, as is LiteRT's default on phones.
    ValueError for a file that GPUs cannot run, MissingGpu where there is none.
    """

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
        self.mask_options = MaskOptions.of(metadata["detect"])
        self.runner = _open(path, threads, accelerator)
        self._is_free = threading.Lock()  # a runner has one set of buffers
        self.image_size = self.runner.input_shape[1]
        logits = self.runner.output_shapes.get("class_logits")
        self.ends_with_heads = logits is not None
        # Of a file that ends with detections only its metadata know the number; those of old exports do not.
        known = metadata.get("num_classes", len(self.labels))
        require_names(self.labels, logits[-1] - 1 if self.ends_with_heads else known, path)
        if self.ends_with_heads:
            self.category_ids = np.array(list(self.labels))
            options = metadata["detect"].items()
            self.detect = {name: value for name, value in options if name not in MaskOptions._fields}
            self.anchors = build_anchors(**metadata["anchors"])

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        resized = np.asarray(resize_images(image[None], self.image_size))
        with self._is_free:
            found = self.runner(resized)
        return self._detect(found) if self.ends_with_heads else by_image(found)[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[dict[str, np.ndarray]]:
        return [self(image) for image in images]

    def _detect(self, predictions):
        """What a file that has the detections inside would answer, for one that ends with the heads."""
        found = postprocess(predictions, self.anchors, image_size=self.image_size, **self.detect)
        return finished(found, self.category_ids)[0]


def _open(path, threads, accelerator):
    if accelerator == "cpu":
        return CpuRunner(path, threads or usable_cores())
    if threads is not None:
        raise ValueError(f"`threads` is for the CPU alone. Received: {threads} with {accelerator!r}")
    return GpuRunner(path, float16=accelerator == "gpu_float16")
