"""Detections as what trackers and zones of the package supervision look at: boxes, without their masks."""

from typing import Any

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.packages import require_package


def boxes_of(found: Detections) -> Any:
    """supervision.Detections of the boxes, each with its `row` of `found` in `data`."""
    supervision = require_package("supervision", "track", "Tracks and zones")
    return supervision.Detections(
        xyxy=found.boxes.astype(np.float32),
        confidence=found.scores.astype(np.float32),
        data={"row": np.arange(len(found))},
    )


def boxes_at(boxes: np.ndarray, track_ids: np.ndarray) -> Any:
    """supervision.Detections of boxes [n, 4] with the ids [n] of their tracks."""
    supervision = require_package("supervision", "track", "Tracks and zones")
    return supervision.Detections(xyxy=boxes, tracker_id=track_ids)
