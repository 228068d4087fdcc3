"""Objects of one picture as one map of ids, a pixel for one object only, and back."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Instance, Picture
from yolact_tf.data.convert.regions import encode
from yolact_tf.rle import compressed_rle


def paint(
    picture: Picture, limit: int, losses: Losses, where: str
) -> tuple[np.ndarray, tuple[Instance, ...]]:
    """Paints the objects of `picture` over each other: ids [H, W] int32, and the instances that are seen.

    Pixel k + 1 shows instance k, 0 none. Crowds lie below all others, large objects below small ones.
    What is covered, and objects beyond the `limit` largest, are counted as lost.
    """
    # Decoded one by one below: hundreds of masks of a large image fill the memory.
    rles = [encode(instance, picture.height, picture.width) for instance in picture.instances]
    areas = np.array([coco_mask.area(rle) for rle in rles], int)
    losses.add("objects without pixels", where, int((areas == 0).sum()))
    losses.add("polygons, now pixels", where, sum(bool(i.polygons) for i in picture.instances))
    is_crowd = np.array([i.is_crowd for i in picture.instances], bool)
    largest_first = np.argsort(-areas, kind="stable")
    losses.add(f"objects beyond {limit} an image", where, max(0, int((areas > 0).sum()) - limit))
    kept = largest_first[:limit]
    ids = np.zeros((picture.height, picture.width), "int32")
    for index in kept[np.argsort(~is_crowd[kept], kind="stable")]:
        ids[coco_mask.decode(rles[index]) > 0] = index + 1
    seen = np.bincount(ids.ravel(), minlength=len(rles) + 1)[1:]
    is_kept = np.isin(np.arange(len(rles)), kept) & (areas > 0)
    losses.add("objects covered wholly by others", where, int((is_kept & (seen == 0)).sum()))
    losses.add("objects covered in part by others", where, int(((seen > 0) & (seen < areas)).sum()))
    shown = np.flatnonzero(seen)
    renumber = np.zeros(len(rles) + 1, "int32")
    renumber[shown + 1] = np.arange(1, len(shown) + 1)
    return renumber[ids], tuple(picture.instances[k] for k in shown)


def rles_of(ids: np.ndarray) -> dict[int, dict[str, Any]]:
    """{value: COCO's compressed RLE of its pixels} of the values of `ids` [H, W] but 0, in rising order."""
    flat = np.append(ids.ravel(order="F"), 0)  # down the columns, as COCO's run lengths go
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    values, ends = flat[starts], np.append(starts[1:], ids.size)
    rles = {}
    for value in np.unique(values[values > 0]).tolist():
        is_value = values == value
        borders = np.stack([starts[is_value], ends[is_value]], 1).ravel()
        runs = np.diff(borders, prepend=0, append=ids.size)
        runs = runs if runs[-1] else runs[:-1]  # pycocotools ends with the object, if it can
        rles[value] = compressed_rle(runs, ids.shape)
    return rles
