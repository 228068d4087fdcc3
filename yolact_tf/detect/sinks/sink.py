"""What frames and their detections are given to, one after the other."""

from typing import Self

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sources import Frame


class Sink:
    """Writes something of each frame; a context manager that closes it."""

    def add(self, frame: Frame, found: Detections) -> None:
        """Takes the next frame with what was found in it. OSError where it cannot be written."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends what was written, also where the work was cut short: what there is so far must be of use."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
