"""A COCO `segmentation` in the forms that tools give it, to the one of COCO itself."""

import json
from collections.abc import Sequence
from typing import Any

from yolact_tf.data.coco.json_numbers import NUMBERS, is_nan, is_number, number_in_text, whole_number


def is_plain(segmentation: Any) -> bool:
    """Whether a segmentation has a form of COCO itself, sound or not."""
    if type(segmentation) is list:
        return all(
            type(polygon) is list and len(polygon) not in (0, 2) and NUMBERS.issuperset(map(type, polygon))
            for polygon in segmentation
        )
    size, counts = (
        (segmentation.get(k) for k in ("size", "counts")) if type(segmentation) is dict else (None, None)
    )
    if type(size) is not list or [type(side) for side in size] != [int, int]:
        return False
    if type(counts) is list:
        return set(map(type, counts)) == {int}
    return type(counts) is str and "," not in counts and " " not in counts


def plain_segmentation(value: Any, size: Sequence[int]) -> Any:
    """The segmentation in COCO's form: one flat polygon, polygons of points, numbers or all of it as text,
    run lengths alone, of an image of `size` [height, width]. What is none of these comes back as it is.
    """
    if isinstance(value, str):
        read = from_text(value)
        value = {"counts": value} if read is None and value else read
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and "counts" in value[0]:
        value = value[0]
    if isinstance(value, dict):
        return _plain_rle(value, size)
    if not isinstance(value, list):
        return value
    whole = _coordinates(value)
    return [whole] if whole else [_coordinates(polygon) or polygon for polygon in value if polygon != []]


def says_nothing(segmentation: Any) -> bool:
    """Whether there is no mask in a segmentation, not even a broken one."""
    if isinstance(segmentation, list):
        return all(part in ([], [[]]) for part in segmentation)
    return not segmentation or is_nan(segmentation)


def from_text(text: str) -> Any:
    """The list or object that a text holds as JSON, as tables do; None for any other text."""
    try:
        value = json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (list, dict)) else None


def numbers_of(values: list) -> list | None:
    """The numbers of a list, those in text too; None where a value is none."""
    numbers = [value if is_number(value) else number_in_text(value) for value in values]
    return None if None in numbers else numbers


def _coordinates(polygon):
    """[x, y, x, y, …] of a polygon that is flat, or made of three or more points; None for neither."""
    if isinstance(polygon, str):
        polygon = from_text(polygon)
    if isinstance(polygon, list) and len(polygon) == 1:
        polygon = polygon[0]  # a list too many
    if not isinstance(polygon, list) or not polygon:
        return None
    points = [_point(point) for point in polygon] if len(polygon) > 2 else [None]
    return numbers_of(polygon) if None in points else [value for point in points for value in point]


def _point(value):
    """[x, y] of a point, which may name them; None for what is none."""
    if isinstance(value, dict) and {"x", "y"} <= set(value):
        value = [value["x"], value["y"]]
    return numbers_of(value) if isinstance(value, list) and len(value) == 2 else None


def _plain_rle(rle, size):
    if "counts" not in rle:
        return rle
    counts, given = rle["counts"], rle.get("size")
    if isinstance(counts, str) and ("," in counts or " " in counts):
        counts = counts.strip("[] ").replace(",", " ").split()
    if isinstance(counts, list):
        whole = [whole_number(run) for run in counts]
        counts = rle["counts"] if None in whole else whole
    sides = [whole_number(side) for side in given] if isinstance(given, list) else [None]
    return {
        **rle,
        "size": list(size) if given is None else given if None in sides else sides,
        "counts": counts,
    }
