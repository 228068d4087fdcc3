"""Which objects the detections of an image find, paired as COCO's evaluation does at an IoU of .5."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.record import Record
from yolact_tf.evaluate.coco_numbers import MOST_DETECTIONS, object_masks, ranking_score

FOUND_IOU = 0.5


class ImageMatch(NamedTuple):
    """The detections of one image, best first, the objects, and which found which.

    Classes are ranks of category ids. Of a class the best 100 detections are there, as COCO counts.
    """

    scores: np.ndarray  # [n]
    classes: np.ndarray  # [n] int
    object_classes: np.ndarray  # [G] int
    is_crowd: np.ndarray  # [G] bool
    ious: np.ndarray  # [n, G]; with a crowd, the share of the detection that it covers
    found: np.ndarray  # [n] int, the object of its class that a detection found; -1 none
    is_ignored: np.ndarray  # [n] bool, found nothing but a crowd of its class


class Judged(NamedTuple):
    """The detections of all images that are right or wrong, in the order of the images."""

    scores: np.ndarray  # [m]
    classes: np.ndarray  # [m] int
    is_true: np.ndarray  # [m] bool
    num_objects: np.ndarray  # [C] int, how many there are to find


def match_image(
    record: Record, rows: Sequence[Mapping[str, Any]], ranks: Mapping[int, int], kind: str
) -> ImageMatch:
    """Pairs COCO results of one image with the objects of its Record, both in the same pixels.

    ranks: category id -> class.  kind: "bbox" or "segm", what is compared and by which score.
    """
    classes = np.array([ranks[row["category_id"]] for row in rows], int)
    scores = np.array([ranking_score(row, kind) for row in rows], float)
    kept = _best(scores, classes)
    scores, classes, rows = scores[kept], classes[kept], [rows[i] for i in kept]
    field = "bbox" if kind == "bbox" else "segmentation"
    ious = object_ious([row[field] for row in rows], record, kind)
    is_same = classes[:, None] == record.classes
    found = _pair(np.where(is_same, ious, 0.0), record.is_crowd)
    is_on_crowd = np.append(record.is_crowd, False)[found]
    return ImageMatch(
        scores,
        classes,
        record.classes.astype(int),
        record.is_crowd,
        ious,
        np.where(is_on_crowd, -1, found),
        is_on_crowd,
    )


def object_ious(found: Sequence[Any] | np.ndarray, record: Record, kind: str) -> np.ndarray:
    """[n, G] IoU of what was found with the objects of a Record; with a crowd, the share of what was found
    that it covers.

    found: n boxes [x, y, width, height] for the kind "bbox", masks as RLE for "segm".
    """
    if not (len(found) and record.runs):
        return np.zeros((len(found), len(record.runs)))
    is_crowd = record.is_crowd.astype(np.uint8).tolist()
    if kind == "bbox":
        return coco_mask.iou(np.array(found, float), record.xywh.astype(float), is_crowd)
    return coco_mask.iou(found, object_masks(record), is_crowd)


def judge(matches: Iterable[ImageMatch], num_classes: int) -> Judged:
    """The detections of all images, but for those that found a crowd."""
    matches = list(matches)
    counted = [~match.is_ignored for match in matches]
    objects = [match.object_classes[~match.is_crowd] for match in matches]
    return Judged(
        joined((m.scores[c] for m, c in zip(matches, counted, strict=True)), float),
        joined((m.classes[c] for m, c in zip(matches, counted, strict=True)), int),
        joined((m.found[c] >= 0 for m, c in zip(matches, counted, strict=True)), bool),
        np.bincount(joined(objects, int), minlength=num_classes),
    )


def joined(parts: Iterable[np.ndarray], dtype: type) -> np.ndarray:
    """1-d arrays one after another; an empty one of none."""
    return np.concatenate([np.zeros(0, dtype), *parts])


def _best(scores, classes):
    """Indices of the detections that count, best first."""
    order = np.argsort(-scores, kind="stable")
    if len(order) <= MOST_DETECTIONS:
        return order
    place = np.zeros(len(order), int)  # of each among those of its class
    for of_class in np.unique(classes):
        mine = classes[order] == of_class
        place[mine] = np.arange(mine.sum())
    return order[place < MOST_DETECTIONS]


def _pair(ious, is_crowd):
    """[n] the object that each detection finds, crowds too, in turn; -1 for none.

    ious: [n, G] best detections first, 0 between classes. The free object of the largest IoU is found, of
    equal ones the last; only where there is none a crowd, which is never taken.
    """
    found = np.full(len(ious), -1)
    ious = np.where(ious >= FOUND_IOU, ious, 0.0)
    is_free = np.ones(len(is_crowd), bool)
    for detection in np.flatnonzero(ious.any(1)):
        free = np.where(is_free, ious[detection], 0.0)
        objects = np.where(is_crowd, 0.0, free)
        candidates = objects if objects.any() else free
        if candidates.any():
            best = len(candidates) - 1 - int(candidates[::-1].argmax())
            found[detection], is_free[best] = best, is_crowd[best]
    return found
