"""Anchors: where the head looks. A function of image size and settings alone."""

import math
from collections.abc import Sequence

import numpy as np

NUM_LEVELS = 5  # P3..P7


def pyramid_sizes(image_size: int) -> list[int]:
    """Sides of P3..P7 for a square input: each stride-2 layer gives ceil(n / 2)."""
    sizes, side = [], image_size
    for level in range(1, 3 + NUM_LEVELS):
        side = math.ceil(side / 2)
        if level >= 3:
            sizes.append(side)
    return sizes


def prototype_size(image_size: int) -> int:
    """Side of the prototype map: twice P3."""
    return 2 * pyramid_sizes(image_size)[0]


def build_anchors(
    image_size: int, sizes: Sequence[float], scales: Sequence[float], ratios: Sequence[float], square: bool
) -> np.ndarray:
    """[A, 4] float32 corners in 0..1, not clipped; order level, row, column, scale, ratio.

    image_size: side of the input in pixels.  sizes: one anchor side in pixels a level.
    ratios: width / height.  square: height = width, the shape that the released YOLACT models were
    trained with (dbolya/yolact#19).
    """
    levels = []
    for side, size in zip(pyramid_sizes(image_size), sizes, strict=True):
        shapes = np.array(
            [_shape(size * scale / image_size, ratio, square) for scale in scales for ratio in ratios]
        )  # [per cell, 2] width, height
        centers = (np.arange(side) + 0.5) / side
        cy, cx, _ = np.meshgrid(centers, centers, np.arange(len(shapes)), indexing="ij")
        sides = np.broadcast_to(shapes, (side, side, len(shapes), 2))
        levels.append(np.concatenate([cx[..., None], cy[..., None], sides], -1).reshape(-1, 4))
    # Centres are rounded before corners are taken, as the reference does: matching breaks ties
    # between equal anchors by rounding alone.
    centers = np.concatenate(levels).astype(np.float32)
    half = centers[:, 2:] / 2
    return np.concatenate([centers[:, :2] - half, centers[:, :2] + half], axis=1)


def anchors_per_cell(scales: Sequence[float], ratios: Sequence[float]) -> int:
    """Anchors at each position of each level."""
    return len(scales) * len(ratios)


def level_starts(image_size: int, per_cell: int) -> np.ndarray:
    """[5] int64: where the anchors of each level begin among all, with `per_cell` of them a cell."""
    counts = np.square(pyramid_sizes(image_size)) * per_cell
    return np.cumsum(counts) - counts


def _shape(side, ratio, square):
    width = side * math.sqrt(ratio)
    return width, width if square else side / math.sqrt(ratio)
