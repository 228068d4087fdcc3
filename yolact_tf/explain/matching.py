"""How the detections of an image overlap its true objects."""

from dataclasses import dataclass

import numpy as np

from yolact_tf.data.record import Record
from yolact_tf.detect.detections import Detections
from yolact_tf.evaluate.matching import object_ious


@dataclass(frozen=True, eq=False)
class Overlaps:
    """IoU of n detections with the G objects of an image; with a crowd, the share of the detection in it."""

    boxes: np.ndarray  # [n, G] float64
    masks: np.ndarray  # [n, G] float64
    is_same_class: np.ndarray  # [n, G] bool


def overlaps_of(found: Detections, record: Record, category_ids: np.ndarray) -> Overlaps:
    """The Overlaps of Detections with the objects of their Record.

    category_ids: [C] of the model's classes in turn.
    """
    x1, y1, x2, y2 = found.boxes.T.astype(float)
    boxes = object_ious(np.stack([x1, y1, x2 - x1, y2 - y1], 1), record, "bbox")
    masks = object_ious(found.rle, record, "segm")
    is_same_class = found.class_ids[:, None] == category_ids[record.classes]
    return Overlaps(boxes, masks, is_same_class)
