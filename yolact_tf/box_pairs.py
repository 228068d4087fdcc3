"""Overlaps of boxes in NumPy, for loops in which a Keras operation at a time takes ten times as long."""

import numpy as np


def paired_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """`boxes.iou` of each box with its partner: [..., 4] and [..., 4] corners, which broadcast, to [...].

    0 where neither has an area.
    """
    shared = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    shared = np.prod(np.maximum(shared, 0), -1)
    areas = [np.prod(corners[..., 2:] - corners[..., :2], -1) for corners in (first, second)]
    return shared / np.maximum(sum(areas) - shared, np.finfo(np.float32).tiny)
