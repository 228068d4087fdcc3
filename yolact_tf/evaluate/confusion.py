"""Which classes are taken for which, and for background."""

from collections.abc import Iterable

import numpy as np

from yolact_tf.evaluate.matching import FOUND_IOU, ImageMatch


def confusion_matrix(matches: Iterable[ImageMatch], num_classes: int, threshold: float) -> np.ndarray:
    """[C + 1, C + 1] int: how many objects of a class (row) are detected as a class (column).

    Background is last: that row counts detections of nothing, that column objects that are not detected.
    Only detections above `threshold` count. Those that found an object of their class, as COCO pairs them,
    are the diagonal; the others take in turn what is left, the largest IoU of at least .5. Detections of a
    crowd are left out.
    """
    matrix = np.zeros((num_classes + 1, num_classes + 1), int)
    for match in matches:
        shown = np.flatnonzero((match.scores > threshold) & ~match.is_ignored)
        paired = _paired(match, shown)
        classes = np.append(match.object_classes, num_classes)
        np.add.at(matrix, (classes[paired], match.classes[shown]), 1)
        is_left = ~match.is_crowd
        is_left[paired[paired >= 0]] = False
        np.add.at(matrix, (match.object_classes[is_left], num_classes), 1)
    return matrix


def _paired(match, shown):
    """The object of each detection in `shown`, of its class or another; -1 for none."""
    paired = match.found[shown]
    is_free = ~match.is_crowd
    is_free[paired[paired >= 0]] = False
    ious = np.where(match.ious[shown] >= FOUND_IOU, match.ious[shown], 0.0)
    for row in np.flatnonzero((paired < 0) & ious.any(1)):
        left = np.where(is_free, ious[row], 0.0)
        if left.any():
            paired[row] = left.argmax()
            is_free[paired[row]] = False
    return paired
