"""Annotations of pixels as a file stores them, which EXIF turns on display: turned with the image, and back.

Tools that pass over EXIF write such ones. Only a size tells them from those of the upright image, so that
annotations of a square image, or of one that is mirrored or upside down, count as upright.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from yolact_tf.data.coco.json_numbers import is_number
from yolact_tf.data.coco.segmentation import parse_segmentation
from yolact_tf.data.record import Record, corners_of, runs_between
from yolact_tf.images.orientation import (
    COLUMNS_REVERSED,
    FIRST_SWAPPED,
    ROWS_REVERSED,
    turn,
    turned_size,
    undoing,
)
from yolact_tf.rle import compressed_rle

Size = tuple[int, int]  # width, height, before anything is turned


def turn_between(annotated: Sequence[int], upright: Sequence[int], orientation: int) -> int | None:
    """The orientation by which annotations of size `annotated` become those of an image of size `upright`.

    1 where they are already, None where they are of another image.  orientation: that of the image's file.
    """
    if tuple(annotated) == tuple(upright):
        return 1
    is_stored = orientation >= FIRST_SWAPPED and tuple(annotated) == tuple(upright)[::-1]
    return orientation if is_stored else None


def told_frames(annotations: Sequence[Mapping[str, Any]], upright: Size, stored: Size) -> list[Size]:
    """Those of two frames, `upright` first, that annotations of an image may be of which itself has no size.

    Masks as RLE say it; boxes and polygons where one begins beyond a frame.
    """
    frames = dict.fromkeys((upright, stored))
    return [size for size in frames if all(_may_be_of(annotation, size) for annotation in annotations)]


def _may_be_of(annotation, size):
    width, height = size
    box, mask = annotation.get("bbox"), annotation.get("segmentation")
    if isinstance(mask, dict):
        return mask.get("size") == [height, width]
    if isinstance(box, list) and len(box) == 4 and all(map(is_number, box)):
        return box[0] < width and box[1] < height
    polygons = mask if isinstance(mask, list) else []
    polygons = [p for p in polygons if isinstance(p, list) and len(p) > 1 and all(map(is_number, p))]
    return all(min(p[::2]) < width and min(p[1::2]) < height for p in polygons)


def turn_record(record: Record, orientation: int) -> Record:
    """A Record whose objects are turned by `orientation`, and which says so."""
    if orientation == 1:
        return record
    size = record.width, record.height
    width, height = turned_size(size, orientation)
    xywh = turn_boxes(record.xywh, size, orientation)
    return replace(
        record,
        height=height,
        width=width,
        boxes=corners_of(xywh, height, width),
        runs=tuple(turn_runs(runs, size, orientation) for runs in record.runs),
        xywh=xywh,
        turned=orientation,
    )


def as_annotated(record: Record) -> Record:
    """A Record as its annotation file has it."""
    return replace(turn_record(record, undoing(record.turned)), turned=1) if record.turned != 1 else record


def turn_annotation(annotation: Mapping[str, Any], size: Size, orientation: int) -> dict[str, Any]:
    """A COCO annotation or result with `bbox`, `segmentation` and `keypoints` turned by `orientation`."""
    turned = dict(annotation)
    if orientation == 1:
        return turned
    if annotation.get("bbox"):
        boxes = np.array([annotation["bbox"]], float)
        turned["bbox"] = _plain(turn_boxes(boxes, size, orientation)[0])
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, list):
        flat = [np.array(polygon, float).reshape(-1, 2) for polygon in segmentation]
        turned["segmentation"] = [_plain(turn_points(points, size, orientation)) for points in flat]
    elif segmentation:
        turned["segmentation"] = turn_rle(segmentation, orientation)
    keypoints = annotation.get("keypoints")
    if isinstance(keypoints, list) and len(keypoints) % 3 == 0 and all(map(is_number, keypoints)):
        turned["keypoints"] = _turned_keypoints(keypoints, size, orientation)
    return turned


def turn_rle(rle: Mapping[str, Any], orientation: int) -> dict[str, Any]:
    """COCO's RLE turned by `orientation`, compressed to text."""
    height, width = rle["size"]
    runs = turn_runs(parse_segmentation(rle, height, width).runs, (width, height), orientation)
    return compressed_rle(runs, turned_size((height, width), orientation))


def turn_points(points: np.ndarray, size: Size, orientation: int) -> np.ndarray:
    """[m, 2] x, y in pixels, turned by `orientation`."""
    width, height = turned_size(size, orientation)
    x, y = points.T[::-1] if orientation >= FIRST_SWAPPED else points.T
    x = width - x if orientation in COLUMNS_REVERSED else x
    y = height - y if orientation in ROWS_REVERSED else y
    return np.stack([x, y], 1)


def turn_boxes(xywh: np.ndarray, size: Size, orientation: int) -> np.ndarray:
    """[n, 4] x, y, width, height in pixels, turned by `orientation`."""
    first = turn_points(xywh[:, :2], size, orientation)
    sides = xywh[:, [3, 2]] if orientation >= FIRST_SWAPPED else xywh[:, 2:]
    reverses = [orientation in COLUMNS_REVERSED, orientation in ROWS_REVERSED]
    return np.concatenate([first - sides * reverses, sides], 1)


def turn_runs(runs: np.ndarray, size: Size, orientation: int) -> np.ndarray:
    """Column-major run lengths of a mask, turned by `orientation`, without those of no length.

    Only the columns that hold the mask are unpacked, since photographs are large and objects small.
    """
    width, height = size
    stops = np.cumsum(runs, dtype=np.int64)
    edges = np.stack([stops - runs, stops], 1)[1::2]
    edges = edges[edges[:, 0] < edges[:, 1]].ravel()
    if not edges.size:
        return np.array([width * height], np.int32)
    first, end = int(edges[0]) // height, -(-int(edges[-1]) // height)
    lengths = np.diff(edges - first * height, prepend=0, append=(end - first) * height)
    strip = np.repeat(np.arange(len(lengths)) % 2 > 0, lengths).reshape(-1, height).T
    ((x, y, *_),) = turn_boxes(np.array([[first, 0, end - first, height]]), size, orientation).tolist()
    width, height = turned_size(size, orientation)
    turned = np.pad(turn(strip, orientation), ((1, 1), (0, 0)))
    columns, rows = np.nonzero((turned[1:] != turned[:-1]).T)
    flips, counts = np.unique((x + columns) * height + y + rows, return_counts=True)
    # What ends at the foot of a column and goes on at the head of the next does not change there.
    return runs_between(flips[(counts == 1) & (flips < width * height)], width * height)


def _turned_keypoints(keypoints, size, orientation):
    """COCO's [x, y, visibility, …], in which what is not labelled lies at 0, 0 and stays there."""
    points = np.array(keypoints, float).reshape(-1, 3)
    is_labelled = points[:, 2] > 0
    points[is_labelled, :2] = turn_points(points[is_labelled, :2], size, orientation)
    return _plain(points)


def _plain(numbers):
    """A flat list of plain numbers; 6 digits, since differences' last ones are noise."""
    return numbers.round(6).ravel().tolist()
