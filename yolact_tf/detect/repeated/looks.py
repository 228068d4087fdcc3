"""Where a detector looks in a large image: overlapping tiles of it, and of ever smaller copies of it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from yolact_tf.detect.windows import Region


class Look(NamedTuple):
    """One picture that the detector is shown."""

    pixels: np.ndarray  # [h, w, 3] uint8
    region: Region  # of the image, that it shows
    scale: int  # how many pixels of the image are one of its own along a side


def looks_at(image: np.ndarray, tile: int, overlap: float, smaller_copies: bool) -> Iterator[Look]:
    """The tiles of an image [H, W, 3], then of copies of it at half the size, a quarter, … until one tile
    holds all.

    tile: pixels of their sides, less where a copy is smaller.  overlap: the least share of a tile that the
    next one shows too.  smaller_copies: whether there are any.
    """
    scale = 1
    while True:
        height, width = image.shape[:2]
        for top in starts(height, tile, overlap):
            for left in starts(width, tile, overlap):
                pixels = image[top : top + tile, left : left + tile]
                corners = left, top, left + pixels.shape[1], top + pixels.shape[0]
                x1, y1, x2, y2 = (corner * scale for corner in corners)
                yield Look(pixels, (x1, y1, x2, y2), scale)
        if not smaller_copies or max(height, width) <= tile:
            return
        image, scale = _halved(image), scale * 2


def starts(size: int, tile: int, overlap: float) -> list[int]:
    """Where tiles begin along a side of `size`: evenly spread, the first at 0, the last one ends with it."""
    if size <= tile:
        return [0]
    count = 1 + int(np.ceil((size - tile) / max(tile * (1 - overlap), 1)))
    return np.linspace(0, size - tile, count).round().astype(int).tolist()


def _halved(image):
    """Means of 2 x 2 pixels; an odd last row or column is left out."""
    height, width = (max(side // 2, 1) for side in image.shape[:2])
    sums = np.zeros((height, width, 3), np.uint16)
    for y in (0, image.shape[0] > 1):  # of a single row or column there is no second one
        for x in (0, image.shape[1] > 1):
            sums += image[int(y) :: 2, int(x) :: 2][:height, :width]
    return ((sums + 2) // 4).astype(np.uint8)
