"""How precision, recall and F1 go with the score above which detections count."""

from typing import NamedTuple

import numpy as np

RECALLS = np.linspace(0, 1, 101)  # to the last bit those of pycocotools, which are not hundredths


class Curve(NamedTuple):
    """Precision and recall of the detections that score at least each score that occurs, falling."""

    scores: np.ndarray  # [m] distinct
    precision: np.ndarray  # [m]
    recall: np.ndarray  # [m]

    @property
    def f1(self) -> np.ndarray:
        """[m] harmonic mean of precision and recall, 0 where both are."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0)

    def above(self, thresholds: np.ndarray) -> "Curve":
        """The Curve of the detections above each of [t] thresholds; precision is NaN where there are none."""
        counts = np.searchsorted(-self.scores, -thresholds)
        precision, recall = np.append(self.precision, np.nan), np.append(self.recall, 0.0)
        return Curve(thresholds, precision[counts - 1], recall[counts - 1])


class Operation(NamedTuple):
    """What detections above a score threshold are worth."""

    threshold: float
    precision: float
    recall: float
    f1: float


def score_curve(scores: np.ndarray, is_true: np.ndarray, num_objects: int) -> Curve:
    """The Curve of detections, [n] scores and whether each found one of `num_objects`, in any order."""
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(is_true[order])
    # Equal scores pass a threshold together.
    last = np.flatnonzero(np.diff(scores, append=-np.inf))
    return Curve(scores[last], found[last] / (last + 1), found[last] / max(num_objects, 1))


def best_operation(curve: Curve) -> Operation | None:
    """Where F1 is largest, at the highest such score; None where nothing is found.

    The threshold lies halfway to the next score below, or to 0, so that it cuts the same whether scores
    equal to it count or not.
    """
    f1 = curve.f1
    if not f1.any():
        return None
    best = int(f1.argmax())
    below = curve.scores[best + 1] if best + 1 < len(f1) else 0.0
    threshold = float(curve.scores[best] + below) / 2
    return Operation(threshold, float(curve.precision[best]), float(curve.recall[best]), float(f1[best]))


def average_precision(
    scores: np.ndarray, is_true: np.ndarray, num_gt: int, recalls: np.ndarray = RECALLS
) -> float:
    """Area under precision over recall, sampled at `recalls`.

    scores: [n].  is_true: [n] bool, whether each detection found one of the `num_gt` objects.
    0 where there are no objects. Of equal scores, the earlier detection counts first.
    """
    if not num_gt:
        return 0.0
    order = np.argsort(-np.asarray(scores), kind="stable")
    found = np.cumsum(np.asarray(is_true, bool)[order])
    precisions = found / np.arange(1, len(found) + 1)
    best_from_here = np.maximum.accumulate(precisions[::-1])[::-1]
    # The first place that reaches each recall; one that is never reached reads the 0 at the end.
    places = np.searchsorted(found / num_gt, recalls, side="left")
    return float(np.append(best_from_here, 0.0)[places].mean())
