"""What a mask covers: its area and its box."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yolact_tf.data.coco.segmentation import Mask

_FLAT = 1e-6  # square pixels


class Measures(NamedTuple):
    """What a sound mask covers."""

    area: int  # pixels; 0 for an empty mask
    outline_area: float  # square pixels between the corners of its polygons; `area` for RLE
    box: tuple[float, float, float, float]  # corners in pixels, inside the image


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


def box_corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    """COCO's [x, y, w, h] pixels to corners in pixels."""
    x, y, w, h = box
    return x, y, x + w, y + h


def to_xywh(corners: Sequence[float]) -> list[float]:
    """Corners in pixels to COCO's [x, y, w, h]."""
    x1, y1, x2, y2 = corners
    return [x1, y1, x2 - x1, y2 - y1]


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
