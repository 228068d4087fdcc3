"""Arithmetic of masks that are Windows of one large image.

A region is corners (x1, y1, x2, y2), whole pixels.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from yolact_tf.mask_windows import Window, tight

Region = tuple[int, int, int, int]


def trimmed(window: Window) -> Window:
    """The smallest window with the same pixels: a copy, so that the larger one can go."""
    y, x, mask = tight(*window)
    return y, x, mask.copy()


def moved(window: Window, x: int, y: int, scale: int = 1) -> Window:
    """A window of a picture that is `scale` times smaller and begins at (x, y) of the image, in the image."""
    top, left, mask = window
    if scale > 1 and mask.size:
        # Smooth edges: the margin is what the edge of the mask fades into.
        faded = Image.fromarray(np.pad(mask, 1).astype(np.uint8) * 255)
        size = faded.width * scale, faded.height * scale
        enlarged = np.asarray(faded.resize(size, Image.Resampling.BILINEAR)) > 127
        mask = enlarged[scale:-scale, scale:-scale]
    return y + top * scale, x + left * scale, mask


def mirrored(window: Window, width: int) -> Window:
    """The window in the mirrored image, which is `width` pixels wide."""
    y, x, mask = window
    return y, width - x - mask.shape[1], mask[:, ::-1]


def within(window: Window, region: Region) -> Window:
    """The part of a window that lies in a region."""
    (y, x, mask), (x1, y1, x2, y2) = window, region
    top, left = max(y, y1), max(x, x1)
    part = mask[top - y : max(y2 - y, 0), left - x : max(x2 - x, 0)]
    return top, left, part


def shared_pixels(first: Window, second: Window) -> int:
    """How many pixels two windows have in common."""
    y, x, mask = second
    top, left, part = within(first, (x, y, x + mask.shape[1], y + mask.shape[0]))
    height, width = part.shape
    other = mask[top - y : top - y + height, left - x : left - x + width]
    return int(np.count_nonzero(part & other))


def iou(first: Window, second: Window) -> float:
    """Intersection over union; 0 where both are empty."""
    shared = shared_pixels(first, second)
    union = np.count_nonzero(first[2]) + np.count_nonzero(second[2]) - shared
    return shared / union if union else 0.0


def extent_of(windows: Sequence[Window]) -> Region:
    """The smallest region that holds all windows."""
    tops, lefts, bottoms, rights = zip(
        *((y, x, y + mask.shape[0], x + mask.shape[1]) for y, x, mask in windows), strict=True
    )
    return min(lefts), min(tops), max(rights), max(bottoms)


def add_to(sums: np.ndarray, extent: Region, window: Window, value: float) -> None:
    """Adds `value` where the window's pixels are to `sums` [h, w], which are of a region that holds it."""
    y, x, mask = window
    top, left = y - extent[1], x - extent[0]
    sums[top : top + mask.shape[0], left : left + mask.shape[1]][mask] += value
