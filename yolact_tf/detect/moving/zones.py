"""Zones and lines of a picture at which objects are counted, as text and as JSON files."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from yolact_tf.files import PathLike

Points = tuple[tuple[float, float], ...]  # x, y in pixels of the image
_FARTHEST = 65_535  # pixels from the corner of an image; a zone is as large a mask


class Zone(NamedTuple):
    """An area; an object is inside where the centre of its box is."""

    name: str
    points: Points  # three or more corners


class Line(NamedTuple):
    """A line to be crossed; "in" is towards the left hand of one who walks from its start to its end."""

    name: str
    points: Points  # start, end


def zone_of(text: str, name: str) -> Zone:
    """The Zone of "x1,y1,x2,y2,…", three points or more."""
    return _zone(name, _pairs(text))


def line_of(text: str, name: str) -> Line:
    """The Line of "x1,y1,x2,y2", two points that differ."""
    return _line(name, _pairs(text))


def read_zones(path: PathLike) -> tuple[list[Zone], list[Line]]:
    """What a JSON file says: {"zones": [{"name": "door", "points": [[x, y], …]}, …], "lines": [likewise]}.

    ValueError, FileNotFoundError for what is none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not content or content.keys() - {"zones", "lines"}:
            raise ValueError(f'expected {{"zones": […], "lines": […]}}. Received: {_short(content)}')
        zones = [_zone(*_named(row, f"zone {i}")) for i, row in enumerate(content.get("zones", ()), 1)]
        lines = [_line(*_named(row, f"line {i}")) for i, row in enumerate(content.get("lines", ()), 1)]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: {error}") from None
    return zones, lines


def _zone(name, points):
    points = _checked(points)
    if len(set(points)) < 3:
        raise ValueError(f"A zone must be of three points or more. Received: {_short(points)}")
    return Zone(name, points)


def _line(name, points):
    points = _checked(points)
    if len(points) != 2 or points[0] == points[1]:
        raise ValueError(f"A line must be of two points that differ. Received: {_short(points)}")
    return Line(name, points)


def _pairs(text):
    """Points of "x1,y1,x2,y2,…"."""
    try:
        numbers = [float(number) for number in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or len(numbers) % 2:
        raise ValueError(f"Points must be numbers x1,y1,x2,y2,…, two a point. Received: {text!r}")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _named(row, default):
    """(name, points) of an entry of a file."""
    if not isinstance(row, dict) or "points" not in row or row.keys() - {"name", "points"}:
        raise ValueError(f'expected {{"name": …, "points": [[x, y], …]}}. Received: {_short(row)}')
    return str(row.get("name", default)), row["points"]


def _checked(points: Any) -> Points:
    """Points as pairs of floats; ValueError for what is none, or not of an image."""
    is_list = isinstance(points, (list, tuple))
    if not is_list or not all(isinstance(p, (list, tuple)) and len(p) == 2 for p in points):
        raise ValueError(f"Points must be [[x, y], …]. Received: {_short(points)}")
    for number in (number for point in points for number in point):
        is_number = isinstance(number, (int, float)) and not isinstance(number, bool)
        if not is_number or not math.isfinite(number) or not 0 <= number <= _FARTHEST:
            raise ValueError(f"Points must be pixels from 0 to {_FARTHEST}. Received: {number!r}")
    return tuple((float(x), float(y)) for x, y in points)


def _short(value):
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
