"""Where the time of an evaluation goes."""

import time

import numpy as np

from yolact_tf.data.record import Record
from yolact_tf.detect.detections import Detections
from yolact_tf.evaluate.average_precision import ImageDetector

READING, DETECTING, MASKS = "reading the image", "detecting", "masks at image size, as RLE"


class Stopwatch:
    """A detector that measures itself in `evaluate`, if that gets its `observe` too.

    seconds: what took time -> one number for each image.  image_ids: theirs.
    """

    def __init__(self, detector: ImageDetector):
        self._detector = detector
        self._ends = [time.perf_counter()]  # of the last image, and of what is done of the next
        self.image_ids: list[int | str] = []
        self.seconds: dict[str, list[float]] = {READING: [], DETECTING: [], MASKS: []}

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name."""
        return self._detector.labels

    def __call__(self, image: np.ndarray) -> Detections:
        """What the detector finds."""
        self._ends = [self._ends[0], time.perf_counter()]
        found = self._detector(image)
        self._ends.append(time.perf_counter())
        return found

    def observe(self, record: Record, image: np.ndarray, found: Detections) -> None:
        """Ends an image."""
        self._ends.append(time.perf_counter())
        for taken, seconds in zip(self.seconds.values(), np.diff(self._ends).tolist(), strict=True):
            taken.append(seconds)
        self.image_ids.append(record.image_id)
        self._ends = self._ends[-1:]
