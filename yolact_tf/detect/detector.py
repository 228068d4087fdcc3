"""Detector: an RGB image in, Detections in its own pixels out."""

import logging
from collections.abc import Generator, Iterable, Mapping
from typing import Any, Self, overload

import numpy as np

from yolact_tf.detect.abreast import abreast, calls_at_once
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.engines import Engine, KerasEngine, open_artefact
from yolact_tf.detect.image_inputs import ImageInput, pixels_of
from yolact_tf.detect.sources import Frame, Place, find_sources
from yolact_tf.detect.stream import stream
from yolact_tf.files import PathLike
from yolact_tf.runs import Run

logger = logging.getLogger(__name__)
_IN_WORK = 8  # images of a list that are in memory at once


class Detector:
    """Finds objects with a loaded run, or with an exported artefact.

    run: what `load_run` returns.  `detector(image)` takes [H, W, 3] uint8 RGB of any size, gray or RGBA, a
    path, a file's bytes, an open file or a Pillow image, and a list of such.  live: follows a model that goes
    on learning; without it the weights are those of now, with batch norm folded, which is faster.
    precision: of the network, "float32" or "bfloat16", by default `detect.precision`.
    `engine` is what computes: Keras or what runs the artefact. Threads may share a detector.
    """

    def __init__(self, run: Run, *, live: bool = False, precision: str | None = None):
        self._set_up(KerasEngine(run, live, precision))

    @classmethod
    def from_artefact(cls, path: PathLike, threads: int | None = None, accelerator: str = "cpu") -> Self:
        """A detector on an exported SavedModel or OpenVINO folder, or a `.tflite` or `.onnx` file.

        threads: how many of the CPU work on one image, by default one a usable core; not of a SavedModel.
        accelerator: of a `.tflite`, "cpu", "gpu" in float32, or "gpu_float16", faster and less exact.
        """
        detector = cls.__new__(cls)
        detector._set_up(open_artefact(path, threads, accelerator))
        return detector

    def _set_up(self, engine: Engine) -> None:
        self.engine = engine
        self._told: set[str] = set()

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name."""
        return self.engine.labels

    @overload
    def __call__(self, image: ImageInput) -> Detections: ...

    @overload
    def __call__(self, image: list[Any] | tuple[Any, ...]) -> list[Detections]: ...

    def __call__(self, image: ImageInput | list[Any] | tuple[Any, ...]) -> Detections | list[Detections]:
        """Detections of one image, best first, down to the score threshold of the model's config.

        Of a list of images a list of theirs, found in batches, two at once where there are cores.
        """
        if not isinstance(image, (list, tuple)):
            return self._detect([image])[0]
        workers = calls_at_once()
        size = _IN_WORK // workers
        batches = [image[at : at + size] for at in range(0, len(image), size)]
        return [found for batch in abreast(self._detect, batches, workers) for found in batch]

    def stream(
        self, source: Place | Iterable[Place], batch: int = 1
    ) -> Generator[tuple[Frame, Detections], None, None]:
        """Frames of `source`, one after the other, each with its Detections; reading goes on meanwhile.

        source: an image, a video, a folder, a glob, the number of a webcam, the URL of a stream, or several
        of these.  batch: frames that are detected at once, which takes less time each and more until the
        first. What cannot be read is left out, and the log says so at the end. ValueError, FileNotFoundError
        or, without PyAV, ImportError where there is nothing to look at.
        """
        return stream(self, find_sources(source), batch)

    def _detect(self, images):
        read = [pixels_of(image) for image in images]
        self._tell(remark for pixels in read for remark in pixels.remarks)
        found = self.engine.batch([pixels.rgb for pixels in read])
        options = self.engine.mask_options
        detections = [
            as_detections(f, pixels.rgb.shape[:2], self._names(f["class_ids"]), options.mask_upsampling)
            for f, pixels in zip(found, read, strict=True)
        ]
        return [d.disjoint() for d in detections] if options.disjoint else detections

    def _tell(self, remarks):
        """Says once what of images is not seen."""
        for remark in dict.fromkeys(remarks):
            if remark not in self._told:
                self._told.add(remark)
                logger.warning("received an image with %s; this is said once", remark)

    def _names(self, class_ids):
        unknown = sorted(set(class_ids.tolist()) - set(self.labels))
        if unknown:
            raise ValueError(
                f"Expected the model to find one of its categories {sorted(self.labels)}. "
                f"Received: {unknown}, for which its labels have no name"
            )
        return tuple(self.labels[i] for i in class_ids.tolist())


def as_detections(
    found: Mapping[str, np.ndarray],
    image_size: tuple[int, int],
    class_names: tuple[str, ...],
    mask_upsampling: str,
) -> Detections:
    """What an engine found in an image of `image_size` (height, width), in its pixels."""
    height, width = image_size
    return Detections(
        image_size=(height, width),
        boxes=found["boxes"] * np.array([width, height, width, height], np.float32),
        scores=found["scores"],
        class_ids=found["class_ids"],
        class_names=class_names,
        mask_probabilities=found["masks"],
        rescored=found.get("mask_scores"),
        prototypes=found.get("prototypes"),
        coefficients=found.get("coefficients"),
        mask_upsampling=mask_upsampling,
    )
