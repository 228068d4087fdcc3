"""Masks at the size of their image, each as the window that can hold it; NumPy alone, without Keras."""

from typing import Literal

import numpy as np


def upsample_to_image(
    mask: np.ndarray, box: np.ndarray, image_size: tuple[int, int]
) -> tuple[int, int, np.ndarray]:
    """One cropped mask at image size, as the window that can hold it: (y, x, [h, w] bool array).

    mask: [Hp, Wp] probabilities.  box: [4] corners in 0..1.  image_size: (height, width).
    Bilinear with half-pixel centres, then over 0.5 (dbolya's postprocess order): equal to resizing
    the whole map, but only where the crop left anything.
    """
    rows = _window(box[1], box[3], mask.shape[0], image_size[0])
    columns = _window(box[0], box[2], mask.shape[1], image_size[1])
    # Columns first, while there are only the rows of the map.
    wide = _interpolated(np.asarray(mask, np.float32).T, image_size[1], columns)
    return rows[0], columns[0], _interpolated(np.ascontiguousarray(wide.T), image_size[0], rows) > 0.5


def place_window(
    y: int, x: int, window: np.ndarray, image_size: tuple[int, int], order: Literal["C", "F"] = "C"
) -> np.ndarray:
    """[H, W] bool mask that is `window` at (y, x) and empty elsewhere: undoes the cut of
    `upsample_to_image`."""
    mask = np.zeros(image_size, bool, order)
    mask[y : y + window.shape[0], x : x + window.shape[1]] = window
    return mask


def _window(low, high, map_size, image_size):
    """First and past-the-last image pixel that pixels of the padded crop can reach."""
    scale = image_size / map_size
    reach = 2.0  # one pixel of crop padding, one of interpolation
    low, high = min(low, high), max(low, high)
    start = int(np.floor((low * map_size - reach) * scale))
    stop = int(np.ceil((high * map_size + reach + 1) * scale))
    return max(start, 0), max(min(stop, image_size), max(start, 0))


def _interpolated(values, image_size, window):
    """Rows [map, m] bilinearly at half-pixel centres of the image pixels in `window`: [window, m]."""
    map_size, pixels = len(values), np.arange(*window)
    positions = (pixels.astype(np.float32) + 0.5) * np.float32(map_size / image_size) - 0.5
    positions = np.clip(positions, 0, map_size - 1)
    floor = np.floor(positions)
    share = (positions - floor)[:, None]
    lower = floor.astype(int)
    upper = np.minimum(lower + 1, map_size - 1)
    found = values[lower]
    found *= 1 - share
    found += values[upper] * share
    return found
