"""One annotation against its image: box, mask, and whether the two and the area tell the same story.

What a box or a mask must be is `coco_json`'s word; this file adds what loads but is probably not meant.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from yolact_tf.data.coco.entries import outside_message, parse_object
from yolact_tf.data.coco.json_numbers import is_number
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.segmentation import Mask

_BORDER_SLACK = 1.0  # pixels that a box may reach over the border: rounding of annotation tools
_AREA_SLACK = (10.0, 0.05)  # pixels and share of the mask's area, both exceeded by what disagrees
_BOX_SLACK = (2.0, 0.05)  # pixels and share of the mask's side, both exceeded by what disagrees
_FLAT = 1e-6  # square pixels


class Measures(NamedTuple):
    """What a sound mask covers."""

    area: int  # pixels; 0 for an empty mask
    outline_area: float  # square pixels between the corners of its polygons; `area` for RLE
    box: tuple[float, float, float, float]  # corners in pixels, inside the image


def check_object(annotation: Mapping[str, Any], height: int, width: int) -> list[Malformed]:
    """[Malformed] of what is wrong with a COCO annotation in an image of height x width pixels."""
    entry, faults = parse_object(annotation, height, width)
    if entry is None:
        return faults
    faults += _check_border(annotation["bbox"], height, width)
    measures = measures_of(entry.mask, height, width)
    polygons = entry.mask.polygons
    flat = sum(map(is_flat, polygons))
    if flat:
        message = f"expected polygons with an area. Received: {flat} of {len(polygons)} flat"
        faults.append(Malformed("flat polygon", message))
    if measures.area:
        faults += _check_area(annotation, entry.is_crowd, measures)
        faults += _compare_boxes(annotation["bbox"], measures, height, width)
    elif not flat:  # what is flat has no pixel anyway
        faults.append(Malformed("empty mask", "expected a mask of at least one pixel. Received: none"))
    return faults


def measures_of(mask: Mask, height: int, width: int) -> Measures:
    """The Measures of a Mask in an image of height x width pixels."""
    area = int(mask.runs[1::2].sum())
    box = _box_of_runs(mask.runs, height) if area else (0.0, 0.0, 0.0, 0.0)
    if not mask.polygons:
        return Measures(area, float(area), box)
    # Corners, since thin tips leave no pixel; boxes of annotation tools do reach to them.
    points = np.concatenate([np.asarray(polygon, float) for polygon in mask.polygons]).reshape(-1, 2)
    points = points.clip(0, (width, height))
    outline = (*points.min(0).tolist(), *points.max(0).tolist())
    has_extent = outline[2] > outline[0] and outline[3] > outline[1]
    return Measures(area, sum(map(_enclosed_area, mask.polygons)), outline if has_extent else box)


def is_flat(polygon: Sequence[float]) -> bool:
    """Whether a sound polygon encloses nothing."""
    return _enclosed_area(polygon) < _FLAT


def _check_border(box, height, width):
    x1, y1, x2, y2 = box_corners(box)
    if max(-x1, -y1, x2 - width, y2 - height) > _BORDER_SLACK:
        return [Malformed("box crosses the border", outside_message(box, height, width))]
    return []


def box_corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    """COCO's [x, y, w, h] pixels to corners in pixels."""
    x, y, w, h = box
    return x, y, x + w, y + h


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


def _enclosed_area(polygon):
    """Square pixels, by the shoelace formula."""
    x, y = np.asarray(polygon, float).reshape(-1, 2).T
    return float(abs(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0]) / 2)


def _box_of_runs(runs, height):
    """Corners in pixels of what non-empty column-major run lengths cover."""
    stops = np.cumsum(runs)[1::2]
    starts = stops - runs[1::2]
    starts, lasts = starts[stops > starts], stops[stops > starts] - 1
    spans_columns = (starts // height != lasts // height).any()
    y1, y2 = (0, height) if spans_columns else ((starts % height).min(), (lasts % height).max() + 1)
    return float(starts[0] // height), float(y1), float(lasts[-1] // height + 1), float(y2)
