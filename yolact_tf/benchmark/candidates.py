"""The models to compare, opened, each on what it can run on."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras

from yolact_tf.cores import usable_cores
from yolact_tf.detect.detector import Detector
from yolact_tf.detect.engines import KerasEngine, LiteRTEngine, SavedModelEngine
from yolact_tf.detect.opening import open_detector
from yolact_tf.files import PathLike

logger = logging.getLogger(__name__)
_ON_GPU = ("gpu", "gpu_float16")  # LiteRT's; what else takes a GPU does so by itself


@dataclass(frozen=True)
class Candidate:
    """A model on what computes it."""

    name: str  # as it was given, with LiteRT's accelerator where that is not the CPU
    path: Path
    detector: Detector
    device: str  # "cpu" or an accelerator
    threads: int | None  # of the CPU that work on one image; None where an accelerator does


def open_candidates(
    paths: Sequence[PathLike], threads: int | None = None, on_gpu: bool = True
) -> list[Candidate]:
    """A Candidate of each run and artefact, and of a `.tflite` on LiteRT's GPU; the log says why it is not.

    threads: by default one a usable core; of TensorFlow, what `limit_threads` was told.  on_gpu: whether
    LiteRT's GPU is tried. ValueError, FileNotFoundError or ImportError where a model cannot be opened.
    """
    candidates = [_on_its_own(path, threads) for path in map(Path, paths)]
    files = dict.fromkeys(c.path for c in candidates if isinstance(c.detector.engine, LiteRTEngine))
    return candidates + [one for path in files if on_gpu for one in _on_gpu(path)]


def limit_threads(threads: int) -> None:
    """Has TensorFlow compute with so many threads. ValueError where it has begun to already, or on JAX."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"Threads can be set on TensorFlow alone. Received: {keras.backend.backend()!r}")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:
        raise ValueError(
            "The number of threads must be set before TensorFlow computes anything in a process. "
            f"Received: {threads}, after it did"
        ) from None


def _on_its_own(path, threads):
    detector = open_detector(path, threads)
    is_accelerated = isinstance(detector.engine, KerasEngine | SavedModelEngine) and _has_accelerator()
    if is_accelerated:
        return Candidate(str(path), path, detector, "accelerator", None)
    return Candidate(str(path), path, detector, "cpu", threads or usable_cores())


def _has_accelerator():
    """Whether Keras computes on anything but the CPU here."""
    return not all(device.startswith("cpu") for device in keras.distribution.list_devices())


def _on_gpu(path):
    try:
        return [
            Candidate(f"{path} ({name})", path, open_detector(path, None, name), name, None)
            for name in _ON_GPU
        ]
    except ValueError as refusal:  # none here, or not of this file
        logger.warning("%s is measured on the CPU alone. %s", path, refusal)
        return []
