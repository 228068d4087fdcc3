"""What all detectors that ask another one several times have in common."""

from abc import ABC, abstractmethod
from typing import Any, Protocol, overload

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.engines import Engine
from yolact_tf.detect.image_inputs import ImageInput, pixels_of


class ImageDetector(Protocol):
    """A Detector, or what is called like one."""

    @property
    def labels(self) -> dict[int, str]: ...

    @property
    def engine(self) -> Engine: ...

    def __call__(self, image: list[Any], /) -> list[Detections]: ...


class RepeatingDetector(ABC):
    """Called like the Detector that it asks, which may be such a one itself."""

    def __init__(self, detector: ImageDetector):
        self.detector = detector

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name."""
        return self.detector.labels

    @property
    def engine(self) -> Engine:
        """What computes."""
        return self.detector.engine

    @overload
    def __call__(self, image: ImageInput) -> Detections: ...

    @overload
    def __call__(self, image: list[Any] | tuple[Any, ...]) -> list[Detections]: ...

    def __call__(self, image: ImageInput | list[Any] | tuple[Any, ...]) -> Detections | list[Detections]:
        """Detections of one image, best first; of a list of images a list of theirs, one after the other.

        Their masks are given in pixels; of prototypes and coefficients they know nothing.
        """
        if isinstance(image, (list, tuple)):
            return [self._detect(pixels_of(one).rgb) for one in image]
        return self._detect(pixels_of(image).rgb)

    @abstractmethod
    def _detect(self, image: np.ndarray) -> Detections:
        """What is in an image [H, W, 3] uint8 RGB."""
