"""Shapes of CVAT's XML: polygons, boxes, ellipses, and masks as run lengths by rows inside a box."""

import math
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.convert.conversion_losses import held
from yolact_tf.data.convert.data_set import Instance, Picture
from yolact_tf.data.convert.outlines import ellipse, rectangle, turn
from yolact_tf.data.convert.regions import encode, mask_of, polygon_of, rle_of

OBJECT_FIELDS = {"occluded": int, "z_order": int, "attributes": dict}
_NO_AREA = ("polyline", "points", "cuboid", "skeleton", "tag")


def read_shape(shape: ElementTree.Element, category_id: int, size: tuple[int, int]) -> Instance | None:
    """The Instance of an XML element; None for one that has no area. ValueError where it is malformed."""
    if shape.tag in _NO_AREA:
        return None
    width, height = size
    region = _READERS.get(shape.tag)
    if region is None:
        raise ValueError(f"expected one of {', '.join([*_READERS, *_NO_AREA])}. Received: {shape.tag!r}")
    if not shape.get("label"):
        raise ValueError(f"expected a `label`. Received: {dict(shape.attrib)}"[:200])
    extra: dict[str, Any] = {
        key: int(_number(shape.get(key))) for key in ("occluded", "z_order") if shape.get(key, "0") != "0"
    }
    attributes = {a.get("name", ""): a.text or "" for a in shape.iterfind("attribute")}
    extra |= {"attributes": attributes} if attributes else {}
    return Instance(category_id, **region(shape, height, width), extra=extra)


def shapes_of(
    instance: Instance, picture: Picture, label: str, groups: Iterator[int]
) -> list[ElementTree.Element]:
    """XML elements of an instance; several polygons get the next number of `groups`. [] without pixels."""
    extra = {"occluded": 0, "z_order": 0, "attributes": {}, **held(instance.extra, OBJECT_FIELDS)}
    fields = {"label": label, "source": "manual"}
    fields |= {key: str(int(extra[key])) for key in ("occluded", "z_order")}
    if instance.rle:
        found = [_mask_fields(instance, picture)]
        shapes = [ElementTree.Element("mask", {**fields, **mask}) for mask in found if mask]
    else:
        fields |= {"group_id": str(next(groups))} if len(instance.polygons) > 1 else {}
        points = [";".join(f"{_text(x)},{_text(y)}" for x, y in polygon) for polygon in instance.polygons]
        shapes = [ElementTree.Element("polygon", {**fields, "points": text}) for text in points]
    for shape in shapes:
        for name, value in extra["attributes"].items():
            ElementTree.SubElement(shape, "attribute", name=str(name)).text = str(value)
    return shapes


def _polygon(shape, height, width):
    text = shape.get("points") or ""
    flat = [_number(word) for point in text.split(";") for word in point.split(",")]
    return {"polygons": (polygon_of(flat),)}


def _box(shape, height, width):
    x1, y1, x2, y2 = (_number(shape.get(key)) for key in ("xtl", "ytl", "xbr", "ybr"))
    corners = rectangle(x1, y1, x2, y2)
    return {**_turned(corners, ((x1 + x2) / 2, (y1 + y2) / 2), shape), "is_box": True}


def _ellipse(shape, height, width):
    x, y, rx, ry = (_number(shape.get(key)) for key in ("cx", "cy", "rx", "ry"))
    polygon_of([x, y, rx, ry, 0, 0])  # in reach, before points are made of it
    return _turned(ellipse(x, y, abs(rx), abs(ry)), (x, y), shape)


def _turned(polygon, center, shape):
    turned = turn(polygon, center, _number(shape.get("rotation", "0")))
    return {"polygons": (polygon_of(turned.ravel().tolist()),)}


def _mask(shape, height, width):
    numbers = [_number(word) for word in (shape.get("rle") or "").split(",")]
    outside = [number for number in numbers if not 0 <= number <= height * width]
    if outside:
        raise ValueError(f"expected run lengths from 0 to {height * width}. Received: {outside[0]:g}")
    runs = np.array(numbers, "int64")
    x, y, w, h = (int(_number(shape.get(key))) for key in ("left", "top", "width", "height"))
    if runs.sum() != w * h or w < 1:
        raise ValueError(f"expected run lengths that sum to {w} x {h}. Received: {int(runs.sum())}")
    if x < 0 or y < 0 or x + w > width or y + h > height:
        raise ValueError(f"expected a mask inside {width}x{height} pixels. Received: {x}, {y}, {w}x{h}")
    canvas = np.zeros((height, width), bool)
    canvas[y : y + h, x : x + w] = np.repeat(np.arange(len(runs)) % 2, runs).reshape(h, w)
    return {"rle": rle_of(canvas)}


_READERS = {"polygon": _polygon, "box": _box, "ellipse": _ellipse, "mask": _mask}


def _mask_fields(instance, picture):
    """CVAT's mask: run lengths by rows, background first, inside the box of the pixels. {} for none."""
    x, y, w, h = coco_mask.toBbox(encode(instance, picture.height, picture.width)).astype(int).tolist()
    if not w * h:
        return {}
    inside = mask_of(instance, picture.height, picture.width)[y : y + h, x : x + w].ravel()
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    runs = np.diff([0, *changes, len(inside)]).tolist()
    runs = [0, *runs] if inside[0] else runs
    box = {"left": x, "top": y, "width": w, "height": h}
    return {"rle": ", ".join(map(str, runs)), **{key: str(value) for key, value in box.items()}}


def _number(word):
    try:
        number = float(word or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected numbers. Received: {word or ''!r}")
    return number


def _text(value):
    """A coordinate to a millionth of a pixel, without idle zeros."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
