"""Average precision by the rules of the original YOLACT's own evaluator (dbolya/yolact eval.py).

Its README and many issue threads quote these numbers, which are not COCO's: compare like with like.
"""

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.record import Record
from yolact_tf.detect.detections import Detections
from yolact_tf.evaluate.coco_numbers import object_masks
from yolact_tf.evaluate.curves import average_precision

THRESHOLDS = np.arange(50, 100, 5) / 100
RECALLS = np.arange(101) / 100
# Relative; dbolya data/config.py discard_box_width and _height. float32 like the boxes of a record,
# so that a side of exactly this length is not kept by a rounding error.
TINY_SIDE = np.float32(4 / 550)


class ReferenceAP:
    """Collects images one by one and computes the AP of boxes and masks over them.

    labels: category id -> name, ids in rising order, as in CocoSplit.  Where COCO's AP differs:
    a match needs an IoU above the threshold, equal is not enough; boxes of detections are cut to
    whole pixels; there are no crowds, so detections on them are wrong; a category with detections
    and no objects counts, with 0; objects and crowds no wider or no higher than 4/550 of the image
    do not exist; an image without annotations or without detections is skipped, objects and all.
    An image that has only such tiny annotations is skipped too, while the original evaluates it
    against the annotations of another image that it draws at random.
    """

    def __init__(self, labels: dict[int, str]):
        self._category_ids = np.array(list(labels))
        self._num_gt = dict.fromkeys(labels, 0)
        # Per image and kind: category ids [n], scores [n], and [n, 10] bool, right per threshold.
        self._judged: dict[str, list[tuple[np.ndarray, ...]]] = {"bbox": [], "segm": []}

    def add(self, detections: Detections, record: Record) -> None:
        """Counts one image: its Detections, and its Record from `load_coco`."""
        strangers = np.setdiff1d(detections.class_ids, self._category_ids)
        if strangers.size:
            raise ValueError(
                f"`class_ids` must be among the {len(self._category_ids)} category ids of `labels`. "
                f"Received: {strangers[:12].tolist()}"
            )
        is_large = (record.boxes[:, 2:] - record.boxes[:, :2] > TINY_SIDE).all(1)
        if not is_large.any() or not len(detections.scores):
            return
        objects = np.flatnonzero(is_large & ~record.is_crowd)
        gt_ids = self._category_ids[record.classes[objects]]
        for category in gt_ids.tolist():
            self._num_gt[category] += 1
        is_same = np.asarray(detections.class_ids)[:, None] == gt_ids  # [n, G]
        for kind, scores, ious in (
            ("bbox", detections.scores, _box_ious(detections.boxes, record, objects)),
            ("segm", detections.mask_scores, _mask_ious(detections.rle, record, objects)),
        ):
            is_true = _match(np.where(is_same, ious, 0.0), np.asarray(scores))
            self._judged[kind].append((detections.class_ids, scores, is_true))

    def result(self) -> dict[str, dict[str, float]]:
        """`bbox` and `segm` dicts of AP, the mean over thresholds, and AP50, AP55 … AP95; 0..1.

        Each is a mean over the categories that have objects or detections, 0 where none has.
        """
        return {kind: self._average(judged) for kind, judged in self._judged.items()}

    def _average(self, judged):
        class_ids = np.concatenate([np.zeros(0, int), *(ids for ids, _, _ in judged)])
        scores = np.concatenate([np.zeros(0), *(scores for _, scores, _ in judged)])
        is_true = np.concatenate([np.zeros((0, len(THRESHOLDS)), bool), *(true for _, _, true in judged)])
        per_class = []  # [10] each
        for category, num_gt in self._num_gt.items():
            mine = class_ids == category
            if num_gt or mine.any():
                columns = is_true[mine].T
                per_class.append(
                    [average_precision(scores[mine], column, num_gt, RECALLS) for column in columns]
                )
        means = np.mean(per_class, axis=0) if per_class else np.zeros(len(THRESHOLDS))
        names = [f"AP{threshold * 100:.0f}" for threshold in THRESHOLDS]
        return {"AP": float(means.mean()), **dict(zip(names, means.tolist(), strict=True))}


def _match(ious, scores):
    """Whether each detection, best score first, finds an object that no better one has taken.

    ious: [n, G], 0 between categories.  scores: [n].  Returns [n, 10] bool, one column a threshold.
    """
    is_true = np.zeros((len(ious), len(THRESHOLDS)), bool)
    is_used = np.zeros((len(THRESHOLDS), ious.shape[1]), bool)
    rows = np.arange(len(THRESHOLDS))
    has_hope = (ious > THRESHOLDS[0]).any(1)
    for detection in np.argsort(-scores, kind="stable"):
        if not has_hope[detection]:
            continue
        free = np.where(is_used, 0.0, ious[detection])  # [10, G]
        best = free.argmax(1)
        is_hit = free[rows, best] > THRESHOLDS
        is_true[detection] = is_hit
        is_used[rows[is_hit], best[is_hit]] = True
    return is_true


def _box_ious(boxes, record, objects):
    """[n, G] float64 IoU of the boxes cut to whole pixels; 0 where two boxes have no area."""
    scale = np.array([record.width, record.height] * 2, np.float32)
    # [n, 1, 2] and [G, 2] corners.  The truth keeps its fractions, as in the original.
    low, high = np.split(np.trunc(np.asarray(boxes, float))[:, None], 2, axis=-1)
    gt_low, gt_high = np.split((record.boxes[objects] * scale).astype(float), 2, axis=-1)
    sides = np.minimum(high, gt_high) - np.maximum(low, gt_low)
    shared = np.maximum(sides, 0).prod(-1)
    union = (high - low).prod(-1) + (gt_high - gt_low).prod(-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _mask_ious(rle, record, objects):
    """[n, G] IoU of masks at the size of the image; 0 where two masks are empty."""
    if not len(objects):
        return np.zeros((len(rle), 0))
    masks = object_masks(record)
    return coco_mask.iou(rle, [masks[i] for i in objects], [0] * len(objects))
