"""Which detections are of one object, of which Fast NMS may find several classes."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from yolact_tf.box_pairs import paired_iou
from yolact_tf.detect.windows import iou
from yolact_tf.mask_windows import Window

SAME = 0.5  # IoU above which two boxes, and two masks, are of one object


def best_of_each(
    boxes: np.ndarray, windows: Callable[[], Sequence[Window]], best_first: Iterable[int]
) -> list[int]:
    """Indices of detections without those of an object that a better one is of, whatever the classes.

    boxes: [n, 4] corners.  windows: gives the n masks, and is asked only where boxes leave it open.
    """
    kept: list[int] = []
    for index in best_first:
        near = np.flatnonzero(paired_iou(boxes[index], boxes[kept]) > SAME).tolist()
        if not any(iou(windows()[index], windows()[kept[rival]]) > SAME for rival in near):
            kept.append(index)
    return kept
