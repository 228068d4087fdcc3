"""Whether a score is the share of detections that are right."""

from typing import NamedTuple

import numpy as np

BINS = 10


class Calibration(NamedTuple):
    """Detections by score, in BINS ranges of equal width from 0 to 1; NaN where a range is empty."""

    counts: np.ndarray  # [BINS]
    scores: np.ndarray  # [BINS] mean
    precision: np.ndarray  # [BINS] share that found an object
    error: float  # expected calibration error: the mean gap between the two over all detections


def calibrate(scores: np.ndarray, is_true: np.ndarray) -> Calibration:
    """The Calibration of detections, [n] scores and whether each found an object."""
    # Rescored masks of a YOLACT++ may score above 1.
    places = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    sums = np.bincount(places, scores, BINS), np.bincount(places, is_true, BINS)
    mean, precision = (np.divide(s, counts, out=np.full(BINS, np.nan), where=counts > 0) for s in sums)
    error = float(np.abs(sums[0] - sums[1]).sum() / max(len(scores), 1))
    return Calibration(counts, mean, precision, error)
