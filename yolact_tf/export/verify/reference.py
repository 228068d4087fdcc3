"""What artefacts are measured by: the run that they came from."""

import functools
from dataclasses import dataclass

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.export.signature_outputs import from_engine
from yolact_tf.runs import Run


@dataclass(frozen=True)
class Reference:
    """A run and the Detector on it, which takes long to build and serves every comparison."""

    run: Run

    @functools.cached_property
    def detector(self) -> Detector:
        """Built when it is first asked; of the model itself, since artefacts are made of a copy."""
        return Detector(self.run, live=True)

    def found(self, image: np.ndarray) -> Detections:
        """What the run counts in `image`: slots that the threshold did not fill are for AP alone."""
        found = from_engine(self.detector.engine, image)
        return found[found.scores > self.run.config.detect.score_threshold]
