"""Boundary AP: COCO's, by the IoU of masks or of their boundaries, whichever is less (Cheng et al. 2021)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from faster_coco_eval import COCOeval_faster
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.segmentation import decode_counts

WIDTH = 0.02  # of a boundary, in diagonals of the image


class BoundaryEvaluation(COCOeval_faster):
    """Of masks ("segm"). faster-coco-eval's own "boundary" gives the same, but works out the boundary of
    each mask, which takes minutes for a large data set; most are of no object's near."""

    def computeIoU(self, imgId: int, catId: int) -> Any:
        """[n, G] of the detections, best first, and objects of a class in an image."""
        ious = super().computeIoU(imgId, catId)
        datasets = self.dt_dataset, self.gt_dataset
        found, objects = (d.get_instances([imgId], [catId], True)[0][0] for d in datasets)
        found = sorted(found, key=lambda row: -row["score"])
        for detection, target in np.argwhere(np.asarray(ious) >= self.params.iouThrs[0]):
            masks = found[detection]["segmentation"], objects[target]["segmentation"]
            if not objects[target]["iscrowd"]:
                ious[detection, target] = min(ious[detection, target], boundary_iou(*masks))
        return ious


def boundary_iou(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """IoU of the boundaries of two masks, as RLE: of their pixels as near to what is outside, beyond the
    image, too, as a boundary is wide. 0 where there are none."""
    reach = max(1, round(WIDTH * math.hypot(*first["size"])))
    low, sides = np.split(coco_mask.toBbox([first, second]).astype(int), 2, axis=1)
    (x1, y1), (x2, y2) = low.min(0), (low + sides).max(0)
    one, two = (_boundary(_columns(rle, x1, x2)[:, y1:y2], reach) for rle in (first, second))
    shared = np.count_nonzero(one & two)
    either = np.count_nonzero(one) + np.count_nonzero(two) - shared
    return shared / either if either else 0.0


def _columns(rle, first, end):
    """[end - first, H] bool, some columns of a mask; whole images would take most of the time."""
    height = rle["size"][0]
    edges = np.cumsum(decode_counts(rle["counts"]))[:-1] - first * height
    size = (end - first) * height
    lengths = np.diff(edges.clip(0, size), prepend=0, append=size)
    return np.repeat(np.arange(len(lengths)) % 2 > 0, lengths).reshape(-1, height)


def _boundary(mask, reach):
    height, width = mask.shape
    inner = np.zeros((height + 2 * reach, width + 2 * reach), bool)
    inner[reach:-reach, reach:-reach] = mask
    return mask & ~_eroded(_eroded(inner, reach).T, reach).T


def _eroded(mask, reach):
    """[h, w - 2 * reach] bool, true where a row is true as far as `reach` to both sides."""
    covered, whole = 1, 2 * reach + 1  # pixels of the row that an element stands for
    while covered < whole:
        step = min(covered, whole - covered)
        mask = mask[:, step:] & mask[:, :-step]
        covered += step
    return mask
