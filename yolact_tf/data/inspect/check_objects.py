"""One annotation against its image: box, mask, and whether the two and the area tell the same story.

What a box or a mask must be is `coco.entries`' word; this file adds what loads but is probably not meant.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from yolact_tf.data.coco.entries import outside_message, parse_object
from yolact_tf.data.coco.json_numbers import is_number
from yolact_tf.data.coco.measures import box_corners, is_flat, measures_of
from yolact_tf.data.coco.problems import Malformed

_BORDER_SLACK = 1.0  # pixels that a box may reach over the border: rounding of annotation tools
_AREA_SLACK = (10.0, 0.05)  # pixels and share of the mask's area, both exceeded by what disagrees
_BOX_SLACK = (2.0, 0.05)  # pixels and share of the mask's side, both exceeded by what disagrees


def check_object(annotation: Mapping[str, Any], height: int, width: int) -> list[Malformed]:
    """[Malformed] of what is wrong with a COCO annotation in an image of height x width pixels."""
    entry, faults = parse_object(annotation, height, width)
    if entry is None:
        return faults
    faults += _check_border(annotation.get("bbox", entry.xywh), height, width)
    if entry.is_box:
        faults.append(
            Malformed(
                "box without mask",
                "expected a `segmentation`. Received: a `bbox` alone, as `data.boxless` takes it",
            )
        )
        return faults
    measures = measures_of(entry.mask, height, width)
    polygons = entry.mask.polygons
    flat = sum(map(is_flat, polygons))
    if flat:
        message = f"expected polygons with an area. Received: {flat} of {len(polygons)} flat"
        faults.append(Malformed("flat polygon", message))
    if measures.area:
        faults += _check_area(annotation, entry.is_crowd, measures)
        faults += _compare_boxes(annotation.get("bbox", entry.xywh), measures, height, width)
    elif not flat:  # what is flat has no pixel anyway
        faults.append(Malformed("empty mask", "expected a mask of at least one pixel. Received: none"))
    return faults


def key_of_object(annotation: Mapping[str, Any]) -> bytes:
    """What two annotations have in common that tell of one object; a digest, since masks are long."""
    told = json.dumps([annotation.get(key) for key in ("image_id", "category_id", "bbox", "segmentation")])
    return hashlib.sha256(told.encode()).digest()


def _check_border(box, height, width):
    x1, y1, x2, y2 = box_corners(box)
    if max(-x1, -y1, x2 - width, y2 - height) > _BORDER_SLACK:
        return [Malformed("box crosses the border", outside_message(box, height, width))]
    return []


def _check_area(annotation, is_crowd, measures):
    # Without one, the mask's is taken. Crowds count nowhere by size, and official COCO's are off.
    if "area" not in annotation or is_crowd:
        return []
    area = annotation["area"]
    expected = (measures.area, measures.outline_area)  # tools write either; they differ on thin things
    if is_number(area) and any(abs(area - e) <= max(_AREA_SLACK[0], _AREA_SLACK[1] * e) for e in expected):
        return []
    message = f"expected an `area` near the mask's {measures.area}. Received: {area!r}"
    return [Malformed("area disagrees", message)]


def _compare_boxes(box, measures, height, width):
    corners = np.array(box_corners(box)).clip(0, (width, height, width, height))
    expected = np.array(measures.box)
    slack = np.maximum(_BOX_SLACK[0], _BOX_SLACK[1] * np.tile(expected[2:] - expected[:2], 2))
    if (abs(corners - expected) <= slack).all():
        return []
    x1, y1, x2, y2 = (round(float(v), 1) for v in expected)
    near = [x1, y1, round(x2 - x1, 1), round(y2 - y1, 1)]
    return [Malformed("box disagrees", f"expected a `bbox` near the mask's {near}. Received: {box!r}")]
