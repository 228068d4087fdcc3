"""Detections in the forms that evaluators, programs and supervision take."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from yolact_tf.packages import require_package

if TYPE_CHECKING:
    from yolact_tf.detect.detections import Detections


def coco_results(found: "Detections", image_id: int | str) -> list[dict[str, Any]]:
    """As `Detections.to_coco`."""
    x1, y1, x2, y2 = found.boxes.T.astype(float)
    boxes = np.stack([x1, y1, x2 - x1, y2 - y1], 1).round(3).tolist()
    rows = [
        {
            "image_id": image_id,
            "category_id": int(class_id),
            "bbox": box,
            "score": round(float(score), 6),
            "segmentation": rle,
        }
        for class_id, box, score, rle in zip(found.class_ids, boxes, found.scores, found.rle, strict=True)
    ]
    return _with_more(rows, found)


def json_text(found: "Detections") -> str:
    """As `Detections.to_json`."""
    rows = [
        {
            "class": name,
            "class_id": int(class_id),
            "score": round(float(score), 6),
            "box": [round(float(v), 3) for v in box],
            "mask": rle,
        }
        for name, class_id, score, box, rle in zip(
            found.class_names, found.class_ids, found.scores, found.boxes, found.rle, strict=True
        )
    ]
    return json.dumps(_with_more(rows, found))


def supervision_detections(found: "Detections", compact: bool) -> Any:
    """As `Detections.to_supervision`."""
    supervision = require_package("supervision", "supervision", "Detections for supervision")
    masks = found.masks if not compact else _compact_masks(found, supervision)
    return supervision.Detections(
        xyxy=found.boxes.astype(np.float32),
        mask=masks,
        confidence=found.scores,
        class_id=found.class_ids.astype(int),
        tracker_id=None if found.track_ids is None else found.track_ids.astype(int),
        data={"class_name": np.array(found.class_names, str)},
    )


def _with_more(rows, found):
    """`rows`, each with its `mask_score` where a YOLACT++ rescored it, and the `track_id` it has."""
    if found.rescored is not None:
        rows = [
            {**row, "mask_score": round(float(score), 6)}
            for row, score in zip(rows, found.rescored, strict=True)
        ]
    if found.track_ids is not None:
        ids = found.track_ids.tolist()
        rows = [{**row, "track_id": i} for row, i in zip(rows, ids, strict=True)]
    return rows


def _compact_masks(found, supervision):
    """A CompactMask of the windows, whose last pixels supervision counts in."""
    corners = [(x, y, x + w.shape[1] - 1, y + w.shape[0] - 1) for y, x, w in found.windows]
    boxes = np.array(corners, float).reshape(-1, 4)
    return supervision.CompactMask.from_coco_rle(found.rle, boxes, found.image_size)
