"""The pixels of an object: from polygons or run lengths to masks, and the other way round."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.json_numbers import FARTHEST, is_coordinate
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Instance
from yolact_tf.data.convert.outlines import trace
from yolact_tf.files import PathLike


def encode(instance: Instance, height: int, width: int) -> dict[str, Any]:
    """COCO's compressed RLE of an instance, `counts` as bytes."""
    if instance.rle is None:
        flat = [polygon.ravel().tolist() for polygon in instance.polygons]
        return coco_mask.merge(coco_mask.frPyObjects(flat, height, width))
    if isinstance(instance.rle["counts"], list):
        return coco_mask.frPyObjects(instance.rle, height, width)
    return {"size": [height, width], "counts": instance.rle["counts"].encode("ascii")}


def mask_of(instance: Instance, height: int, width: int) -> np.ndarray:
    """[H, W] bool of an instance."""
    return coco_mask.decode(encode(instance, height, width)).astype(bool)


def outlines_of(instance: Instance, height: int, width: int) -> tuple[np.ndarray, ...]:
    """The polygons of an instance; of run lengths those along its pixels, with the same mask."""
    return instance.polygons or tuple(trace(mask_of(instance, height, width)))


def rle_of(mask: np.ndarray) -> dict[str, Any]:
    """COCO's compressed RLE of `mask` [H, W], `counts` as text."""
    rle = coco_mask.encode(np.asfortranarray(mask, "uint8"))
    return {"size": list(mask.shape), "counts": rle["counts"].decode("ascii")}


def polygon_of(numbers: Any) -> np.ndarray:
    """[m, 2] float64 of x1, y1, x2, y2, … ValueError where they are no outline."""
    if not isinstance(numbers, list) or len(numbers) < 6 or len(numbers) % 2:
        count = f"{len(numbers)} numbers" if isinstance(numbers, list) else repr(numbers)[:80]
        raise ValueError(f"expected a polygon of at least three points (x, y). Received: {count}")
    for number in numbers:
        if not is_coordinate(number):
            raise ValueError(f"expected polygon coordinates up to {FARTHEST}. Received: {number!r}")
    return np.array(numbers, float).reshape(-1, 2)


def unite(parts: Sequence[Instance], height: int, width: int) -> Instance:
    """One Instance of the pixels of several; the fields are those of the first."""
    first = parts[0]
    if len(parts) == 1:
        return first
    fields: dict[str, Any] = {
        "category_id": first.category_id,
        "is_crowd": first.is_crowd,
        "is_box": all(part.is_box for part in parts),
        "extra": first.extra,
    }
    if all(part.polygons for part in parts):
        return Instance(**fields, polygons=tuple(p for part in parts for p in part.polygons))
    union = coco_mask.merge([encode(part, height, width) for part in parts])
    return Instance(**fields, rle={"size": [height, width], "counts": union["counts"].decode("ascii")})


def unite_groups(
    parts: Iterable[tuple[int | str | None, Instance]],
    height: int,
    width: int,
    losses: Losses,
    where: PathLike,
) -> tuple[Instance, ...]:
    """Instances of `parts`, pairs (group or None, Instance): a category's parts of one group are one.

    Both labelme and CVAT mean that by a group. One of several categories cannot be kept and is counted.
    """
    groups: dict[tuple[int | str | None, int], list[Instance]] = {}
    for number, (group, part) in enumerate(parts):
        key = (None, number) if group is None else (group, part.category_id)
        groups.setdefault(key, []).append(part)
    categories: dict[int | str, set[int]] = {}
    for group, category_id in groups:
        if group is not None:
            categories.setdefault(group, set()).add(category_id)
    for group, members in categories.items():
        losses.add("groups of several categories", f"{where}: group {group}", len(members) > 1)
    return tuple(unite(members, height, width) for members in groups.values())
