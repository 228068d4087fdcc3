"""One annotation against its image: box, mask, and whether the two and the area tell the same story.

What a box or a mask must be is `coco.py`'s word; this file names what breaks it and adds what loads
but is probably not meant.
"""

import math
from typing import NamedTuple

import numpy as np

from yolact_tf.data.coco import checked_polygons, corners_of, runs_of

# What the loader's rules raise; the last two come from RLE and boxes without proper numbers.
BROKEN = (ValueError, TypeError, OverflowError)
_BORDER_SLACK = 1.0  # pixels that a box may reach over the border: rounding of annotation tools
_AREA_SLACK = (10.0, 0.05)  # pixels and share of the mask's area, both exceeded by what disagrees
_BOX_SLACK = (2.0, 0.05)  # pixels and share of the mask's side, both exceeded by what disagrees
_FLAT = 1e-6  # square pixels


class Measures(NamedTuple):
    """What a sound mask covers."""

    area: int  # pixels; 0 for an empty mask
    outline_area: float  # square pixels between the corners of its polygons; `area` for RLE
    box: tuple[float, float, float, float]  # corners in pixels, inside the image


def check_object(annotation, height, width):
    """[(kind, message)] of what is wrong with a COCO annotation in an image of height x width pixels."""
    box, segmentation = annotation["bbox"], annotation.get("segmentation")
    faults = _check_box(box, height, width)
    has_sound_box = not faults or faults[0][0] == "box crosses the border"
    try:
        measures = measure_mask(segmentation, height, width)
    except BROKEN as error:
        return [*faults, (_broken_mask_kind(segmentation, height, width), str(error))]
    polygons = polygons_of(segmentation)
    flat = sum(map(is_flat, polygons))
    if flat:
        message = f"expected polygons with an area. Received: {flat} of {len(polygons)} flat"
        faults.append(("flat polygon", message))
    if measures.area:
        faults += _check_area(annotation, measures)
        faults += _compare_boxes(box, measures, height, width) if has_sound_box else []
    elif has_sound_box and not flat:  # what is outside or flat has no pixel anyway
        faults.append(("empty mask", "expected a mask of at least one pixel. Received: none"))
    return faults


def measure_mask(segmentation, height, width):
    """Measures of a COCO segmentation. Raises one of BROKEN for what the loader leaves out."""
    runs = runs_of(segmentation, height, width)
    area = int(runs[1::2].sum())
    box = _box_of_runs(runs, height) if area else (0.0, 0.0, 0.0, 0.0)
    polygons = polygons_of(segmentation)
    if not polygons:
        return Measures(area, float(area), box)
    # Corners, since thin tips leave no pixel; boxes of annotation tools do reach to them.
    points = np.concatenate([np.asarray(polygon, float) for polygon in polygons]).reshape(-1, 2)
    points = points.clip(0, (width, height))
    outline = (*points.min(0).tolist(), *points.max(0).tolist())
    has_extent = outline[2] > outline[0] and outline[3] > outline[1]
    return Measures(area, sum(map(_enclosed_area, polygons)), outline if has_extent else box)


def polygons_of(segmentation):
    """The polygons of a segmentation, [x, y, x, y, …] each; none for RLE."""
    return [p for p in segmentation if isinstance(p, list)] if isinstance(segmentation, list) else []


def is_broken(polygon):
    """Whether the loader refuses this polygon."""
    try:
        return not checked_polygons([polygon])
    except BROKEN:
        return True


def is_flat(polygon):
    """Whether a sound polygon encloses nothing."""
    return _enclosed_area(polygon) < _FLAT


def _check_box(box, height, width):
    try:
        corners_of(box, height, width)
    except BROKEN as error:
        return [(_broken_box_kind(box), str(error))]
    x1, y1, x2, y2 = box_corners(box)
    message = f"expected a `bbox` inside {width}x{height} pixels. Received: {box!r}"
    if min(x2, width) <= max(x1, 0) or min(y2, height) <= max(y1, 0):
        return [("box outside the image", message)]
    if max(-x1, -y1, x2 - width, y2 - height) > _BORDER_SLACK:
        return [("box crosses the border", message)]
    return []


def box_corners(box):
    """COCO's [x, y, w, h] pixels to corners in pixels."""
    x, y, w, h = box
    return x, y, x + w, y + h


def _broken_box_kind(box):
    is_box = isinstance(box, list) and len(box) == 4 and all(isinstance(v, (int, float)) for v in box)
    if not is_box:
        return "malformed box"
    return "empty box" if all(map(_is_finite, box)) else "NaN coordinates"


def _broken_mask_kind(segmentation, height, width):
    if isinstance(segmentation, dict) and isinstance(segmentation.get("size"), list):
        return "malformed mask" if segmentation["size"] == [height, width] else "RLE of another size"
    polygon = next((p for p in polygons_of(segmentation) if is_broken(p)), None)
    if polygon is None:
        return "malformed mask"
    if len(polygon) < 6 or len(polygon) % 2:
        return "degenerate polygon"
    return "malformed mask" if all(map(_is_finite, polygon)) else "NaN coordinates"


def _is_finite(value):
    return not isinstance(value, float) or math.isfinite(value)


def _check_area(annotation, measures):
    # Without one, evaluation takes the box's. Crowds count nowhere by size, and official COCO's are off.
    if "area" not in annotation or annotation.get("iscrowd"):
        return []
    area = annotation["area"]
    is_number = isinstance(area, (int, float))
    expected = (measures.area, measures.outline_area)  # tools write either; they differ on thin things
    if is_number and any(abs(area - e) <= max(_AREA_SLACK[0], _AREA_SLACK[1] * e) for e in expected):
        return []
    return [("area disagrees", f"expected an `area` near the mask's {measures.area}. Received: {area!r}")]


def _compare_boxes(box, measures, height, width):
    corners = np.array(box_corners(box)).clip(0, (width, height, width, height))
    expected = np.array(measures.box)
    slack = np.maximum(_BOX_SLACK[0], _BOX_SLACK[1] * np.tile(expected[2:] - expected[:2], 2))
    if (abs(corners - expected) <= slack).all():
        return []
    x1, y1, x2, y2 = (round(float(v), 1) for v in expected)
    near = [x1, y1, round(x2 - x1, 1), round(y2 - y1, 1)]
    return [("box disagrees", f"expected a `bbox` near the mask's {near}. Received: {box!r}")]


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
