"""Shapes of labelme's JSON: polygons, boxes, circles and masks.

Shapes of one label and one `group_id` are one object. It has no holes, so these hang on their outline
by a seam of no width, and no crowds.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.convert.conversion_losses import Losses, held
from yolact_tf.data.convert.data_set import Instance, Picture
from yolact_tf.data.convert.outlines import ellipse, rectangle
from yolact_tf.data.convert.regions import outlines_of, polygon_of, rle_of, unite_groups
from yolact_tf.files import PathLike

NO_CLASSES = ("__ignore__", "_background_")
NO_AREA = ("point", "points", "line", "linestrip")
# The last two are what a model says of what it found; labelme keeps what it does not know.
OBJECT_FIELDS = {"flags": dict, "description": str, "score": float, "track_id": int}
# `rotation` and `quadrilateral` are X-AnyLabeling's, in corners like `oriented_rectangle`, labelme's.
IN_CORNERS = ("polygon", "oriented_rectangle", "rotation", "quadrilateral")
OF_TWO_POINTS = ("rectangle", "circle", "mask")
BOXES = ("rectangle", "oriented_rectangle", "rotation")


def instances_of(
    shapes: Sequence[Any],
    size: tuple[int, int],
    category_of: Mapping[str, int],
    losses: Losses,
    file: PathLike,
) -> tuple[Instance, ...]:
    """The objects of the `shapes` of a JSON file; size: width and height of its image."""
    width, height = size
    parts = []
    for number, shape in enumerate(shapes, 1):
        here = f"{file}: shape {number}"
        with losses.left_out.skip_object(here):
            label = label_of(shape)
            if label is None:
                raise ValueError(f"expected a text as `label`. Received: {str(shape)[:80]}")
            kind = shape.get("shape_type") or "polygon"
            if kind in NO_AREA:
                losses.add("points and lines, which have no area", here)
            elif kind not in (*IN_CORNERS, *OF_TWO_POINTS):
                losses.add(f"`{str(kind)[:40]}` shapes, which are not known", here)
            elif label in NO_CLASSES:
                losses.add(f"`{label}` shapes, which are of no class", here)
            else:
                region = _region(kind, shape, height, width)
                extra = {key: shape[key] for key in OBJECT_FIELDS if shape.get(key)}
                part = Instance(category_of[label], **region, is_box=kind in BOXES, extra=extra)
                parts.append((_group(shape), part))
                losses.add("circles, now polygons", here, kind == "circle")
    return unite_groups(parts, height, width, losses, file)


def shapes_of(
    instance: Instance, number: int, picture: Picture, names: Mapping[int, str]
) -> list[dict[str, Any]]:
    """The polygons of an instance, a group of that number where there are several; none without pixels."""
    outlines = outlines_of(instance, picture.height, picture.width)
    fields = {"description": "", "flags": {}, **held(instance.extra, OBJECT_FIELDS)}
    return [
        {
            "label": names[instance.category_id],
            "points": outline.tolist(),
            "group_id": number if len(outlines) > 1 else None,
            "shape_type": "polygon",
            "mask": None,
            **fields,
        }
        for outline in outlines
    ]


def label_of(shape: Any) -> str | None:
    """The label of a shape; None where it has none."""
    label = shape.get("label") if isinstance(shape, dict) else None
    return label if isinstance(label, str) else None


def _group(shape):
    group = shape.get("group_id")
    number = whole_number(group)
    if number is not None:
        return number
    if not isinstance(group, (str, type(None))):
        raise ValueError(f"expected a whole number or null as `group_id`. Received: {group!r}")
    return group


def _region(kind, shape, height, width):
    points = shape.get("points")
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise ValueError(f"expected a list of [x, y] as `points`. Received: {str(points)[:80]}")
    flat = [value for point in points for value in point]
    if kind in IN_CORNERS or (kind == "rectangle" and len(points) == 4):
        return {"polygons": (polygon_of(flat),)}
    if len(points) != 2:
        raise ValueError(f"expected a {kind} of two points. Received: {len(points)}")
    (x1, y1), (x2, y2) = polygon_of([*flat, *flat[:2]])[:2].tolist()
    if kind == "mask":
        return {"rle": rle_of(_placed_mask(shape.get("mask"), round(x1), round(y1), height, width))}
    if kind == "rectangle":
        return {"polygons": (rectangle(x1, y1, x2, y2),)}
    radius = math.dist((x1, y1), (x2, y2))  # the points: the centre and one on the rim
    return {"polygons": (ellipse(x1, y1, radius, radius),)}


def _placed_mask(encoded, x, y, height, width):
    """[H, W] bool of a base64 PNG whose first pixel lies at x, y."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            patch = np.asarray(image.convert("L")).astype(bool)
    except (OSError, SyntaxError, TypeError, ValueError):
        raise ValueError(f"expected a base64 PNG as `mask`. Received: {str(encoded)[:80]!r}") from None
    patch = patch[max(-y, 0) :, max(-x, 0) :]  # it may reach over the image
    y, x = max(y, 0), max(x, 0)
    patch = patch[: max(height - y, 0), : max(width - x, 0)]
    canvas = np.zeros((height, width), bool)
    canvas[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return canvas
