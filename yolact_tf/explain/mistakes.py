"""What a model gets wrong on a data split: detections of nothing, and objects that it does not find."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yolact_tf.config import DataConfig
from yolact_tf.data.load import load_data
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate.average_precision import detect_split
from yolact_tf.explain.matching import Overlaps, overlaps_of
from yolact_tf.files import PathLike
from yolact_tf.labels import distinct_names
from yolact_tf.structures import Progress

SAME = 0.5  # IoU from which on a detection is of an object
NEAR = 0.1  # IoU from which on it is meant to be
# Kinds of faults, in words for a person.
POOR_MASK, DUPLICATE, OTHER_CLASS = "poor mask", "duplicate", "wrong class"
MISPLACED, NOTHING, UNSURE, UNSEEN = "misplaced", "nothing there", "too unsure", "not seen"
IN_CROWD = "in a crowd"  # no mistake


class Fault(NamedTuple):
    """What is wrong with a detection, or why an object is missed."""

    kind: str
    reason: str  # in a few words, "" where the kind says all
    partner: int | None  # the place of the object that the detection is nearest to, and the other way round

    def __str__(self):
        return f"{self.kind}, {self.reason}" if self.reason else self.kind


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong detection, or a missed object."""

    record: Record
    index: int  # of the detection among those of its image, or of the object in the record
    fault: Fault
    weight: float  # how bad: the score of a detection, the share of the image that an object takes


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Those of a split, the worst first."""

    score_threshold: float
    wrong: list[Mistake]  # detections, the surest first
    missed: list[Mistake]  # objects, the largest first
    num_right: int  # detections that have an object and a fair mask
    num_images: int

    def counts(self) -> tuple[Counter[str], Counter[str]]:
        """How many wrong detections and missed objects there are of each kind."""
        return Counter(m.fault.kind for m in self.wrong), Counter(m.fault.kind for m in self.missed)


def find_mistakes(
    detector: Detector,
    data: PathLike | Split,
    split: str = "val",
    score_threshold: float = 0.3,
    progress: Progress | None = None,
    settings: DataConfig | None = None,
) -> Mistakes:
    """The Mistakes of a detector on one split, as who sees only what scores above `score_threshold`.

    An object is found by the best detection of its class with a box IoU of 0.5 that has no other object;
    where the IoU of the masks is less, the detection has a poor mask. Detections in a crowd of their class
    are no mistakes.
    data, progress, settings: as `evaluate` has them.
    """
    data = load_data(data, split, settings)
    judge = _Judge(data.labels, score_threshold)
    detect_split(detector, data, judge.observe, progress, settings)
    by_weight = lambda mistake: -mistake.weight
    wrong, missed = sorted(judge.wrong, key=by_weight), sorted(judge.missed, key=by_weight)
    return Mistakes(score_threshold, wrong, missed, judge.num_right, data.num_images)


class _Judge:
    """Collects the mistakes of image after image."""

    def __init__(self, labels: dict[int, str], score_threshold: float):
        self.names, self.category_ids = distinct_names(labels), np.array(list(labels))
        self.threshold = score_threshold
        self.wrong: list[Mistake] = []
        self.missed: list[Mistake] = []
        self.num_right = 0

    def observe(self, record: Record, image: np.ndarray, found: Detections) -> None:
        """Takes what was found in one image."""
        overlaps = overlaps_of(found, record, self.category_ids)
        is_shown = np.minimum(found.scores, found.mask_scores) > self.threshold
        order = np.argsort(-found.mask_scores, kind="stable")
        object_of = _pair(overlaps, order[is_shown[order]], record.is_crowd)
        for detection in np.flatnonzero(is_shown).tolist():
            fault = self._fault_of_detection(record, overlaps, detection, object_of.get(detection))
            if fault is None:
                self.num_right += 1
            elif fault.kind != IN_CROWD:
                score = float(found.mask_scores[detection])
                self.wrong.append(Mistake(record, detection, fault, score))
        for index in sorted(set(np.flatnonzero(~record.is_crowd).tolist()) - set(object_of.values())):
            fault = self._fault_of_object(found, overlaps, is_shown, index)
            share = float(record.areas[index]) / (record.height * record.width)
            self.missed.append(Mistake(record, index, fault, share))

    def _fault_of_detection(self, record, overlaps, detection, index):
        """What is wrong with a detection of object `index`, or of none; None where nothing is."""
        if index is not None:
            iou = overlaps.masks[detection, index]
            return None if iou >= SAME else Fault(POOR_MASK, f"mask IoU {iou:.2f}", index)
        boxes, is_same = overlaps.boxes[detection], overlaps.is_same_class[detection]
        _, in_crowd = _best(boxes, is_same & record.is_crowd)
        same, same_iou = _best(boxes, is_same & ~record.is_crowd)
        other, other_iou = _best(boxes, ~is_same & ~record.is_crowd)
        if in_crowd >= SAME:
            return Fault(IN_CROWD, "", None)
        if same_iou >= SAME:
            return Fault(DUPLICATE, "one is found already", same)
        if other_iou >= SAME:
            return Fault(OTHER_CLASS, f"truth is {self.names[record.classes[other]]}", other)
        if same_iou >= NEAR:
            return Fault(MISPLACED, f"box IoU {same_iou:.2f}", same)
        return Fault(NOTHING, "", None)

    def _fault_of_object(self, found, overlaps, is_shown, index):
        """Why object `index` is missed."""
        boxes, is_same = overlaps.boxes[:, index], overlaps.is_same_class[:, index]
        other, other_iou = _best(boxes, ~is_same & is_shown)
        weak, weak_iou = _best(boxes, is_same & ~is_shown)
        near, near_iou = _best(boxes, is_same & is_shown)
        if other_iou >= SAME:
            return Fault(OTHER_CLASS, f"taken for {found.class_names[other]}", other)
        if weak_iou >= SAME:
            return Fault(UNSURE, f"score {found.mask_scores[weak]:.2f}", weak)
        if near_iou >= NEAR:
            return Fault(MISPLACED, f"box IoU {near_iou:.2f}", near)
        return Fault(UNSEEN, "", None)


def _pair(overlaps: Overlaps, order, is_crowd) -> dict[int, int]:
    """{detection: object that it finds}, the first of `order` first; each object is found once."""
    free = np.where(overlaps.is_same_class & ~is_crowd, overlaps.boxes, 0.0)
    object_of: dict[int, int] = {}
    for detection in order.tolist():
        index, iou = _best(free[detection], np.ones(free.shape[1], bool))
        if iou >= SAME:
            object_of[detection] = index
            free[:, index] = 0
    return object_of


def _best(ious, is_meant):
    """(place, IoU) of the largest of those that are meant, an IoU of 0 where there is none."""
    if not is_meant.any():
        return -1, 0.0
    place = int(np.where(is_meant, ious, -1.0).argmax())
    return place, float(ious[place])
