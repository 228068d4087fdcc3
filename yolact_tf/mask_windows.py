"""Masks at the size of their image, each as the window that can hold it; NumPy alone, without Keras."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

Window = tuple[int, int, np.ndarray]  # (y, x, [h, w] bool array): a mask, empty elsewhere

_SURE = 16.0  # float32 probabilities tell no larger logits apart


def upsample_to_image(mask: np.ndarray, box: np.ndarray, image_size: tuple[int, int]) -> Window:
    """One cropped mask at image size, as the window that can hold it.

    mask: [Hp, Wp] probabilities.  box: [4] corners in 0..1.  image_size: (height, width).
    Bilinear with half-pixel centres, then over 0.5 (dbolya's postprocess order): equal to resizing
    the whole map, but only where the crop left anything.
    """
    rows = _window(box[1], box[3], mask.shape[0], image_size[0])
    columns = _window(box[0], box[2], mask.shape[1], image_size[1])
    return rows[0], columns[0], _resized(mask, image_size, rows, columns) > 0.5


def upsample_logits(
    logits: np.ndarray, box: np.ndarray, image_size: tuple[int, int], is_cropped: bool
) -> Window:
    """One mask at image size from what its sigmoid is taken of, as the window of its box.

    logits: [Hp, Wp].  box: [4] corners in 0..1.  image_size: (height, width).  is_cropped: whether they tell
    nothing outside `crop_masks` with this box; then the outermost inside go on.
    Bilinear with half-pixel centres, then over 0, then cropped to the pixels whose centre lies in the box or
    half a pixel of the map around it: what the reference's crop leaves at the least, since boxes are tight.
    """
    rows = _pixels_around(box[1], box[3], logits.shape[0], image_size[0])
    columns = _pixels_around(box[0], box[2], logits.shape[1], image_size[1])
    known = [(0, logits.shape[0]), (0, logits.shape[1])]
    if is_cropped:
        known = [_kept(box[1], box[3], logits.shape[0]), _kept(box[0], box[2], logits.shape[1])]
    return rows[0], columns[0], _resized(logits, image_size, rows, columns, *known) > 0


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """What the sigmoid was taken of, as far as float32 probabilities tell it. Any shape."""
    with np.errstate(divide="ignore"):
        return (np.log(probabilities) - np.log1p(-probabilities)).clip(-_SURE, _SURE)


def place_window(
    y: int, x: int, window: np.ndarray, image_size: tuple[int, int], order: Literal["C", "F"] = "C"
) -> np.ndarray:
    """[H, W] bool mask that is `window` at (y, x) and empty elsewhere: undoes the cut of
    `upsample_to_image`."""
    mask = np.zeros(image_size, bool, order)
    mask[y : y + window.shape[0], x : x + window.shape[1]] = window
    return mask


def run_lengths(y: int, x: int, window: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """COCO's uncompressed run lengths of `place_window(…)`: column by column, background first.

    Only the window is looked at.
    """
    edges = np.flatnonzero(np.diff(np.pad(window, ((1, 1), (0, 0))).T.ravel()))
    columns, rows = np.divmod(edges, window.shape[0] + 2)
    edges = (x + columns) * image_size[0] + y + rows
    # A run that reaches the lower border may go on at the upper one, in the next column.
    goes_on = edges[1:-1:2] == edges[2::2]
    edges = np.delete(edges, np.flatnonzero(np.repeat(goes_on, 2)) + 1)
    runs = np.diff(edges, prepend=0, append=image_size[0] * image_size[1])
    return runs if runs[-1] else runs[:-1]


def tight(y: int, x: int, window: np.ndarray) -> Window:
    """The same mask as the smallest window that holds it; an empty one where there is nothing."""
    rows, columns = np.flatnonzero(window.any(1)), np.flatnonzero(window.any(0))
    if not len(rows):
        return y, x, window[:0, :0]
    top, left = int(rows[0]), int(columns[0])
    return y + top, x + left, window[top : rows[-1] + 1, left : columns[-1] + 1]


def disjoint(
    windows: Sequence[Window], best_first: Iterable[int], image_size: tuple[int, int]
) -> list[Window]:
    """The masks without the pixels that an earlier one in the order `best_first` of their indices has."""
    is_free = np.ones(image_size, bool)
    kept = list(windows)
    for index in best_first:
        y, x, window = windows[index]
        free = is_free[y : y + window.shape[0], x : x + window.shape[1]]
        kept[index] = y, x, window & free
        free[window] = False
    return kept


def scaled(
    y: int, x: int, window: np.ndarray, image_size: tuple[int, int], new_size: tuple[int, int]
) -> Window:
    """A mask in an image of another size, each pixel as the nearest was."""
    (top, rows), (left, columns) = (
        _nearest(start, length, *sizes)
        for start, length, *sizes in zip((y, x), window.shape, image_size, new_size)
    )
    return top, left, window[rows[:, None], columns]


def _nearest(start, length, size, new_size):
    """First pixel, of those of an axis of `new_size`, that is in the window, and where in it each lies."""
    first = int(np.ceil(start * new_size / size - 0.5))
    stop = int(np.ceil((start + length) * new_size / size - 0.5))
    pixels = np.arange(max(first, 0), min(stop, new_size))
    places = ((pixels + 0.5) * size / new_size).astype(int) - start
    return max(first, 0), places.clip(0, max(length - 1, 0))


def _window(low, high, map_size, image_size):
    """First and past-the-last image pixel that pixels of the padded crop can reach."""
    scale = image_size / map_size
    reach = 2.0  # one pixel of crop padding, one of interpolation
    low, high = min(low, high), max(low, high)
    start = int(np.floor((low * map_size - reach) * scale))
    stop = int(np.ceil((high * map_size + reach + 1) * scale))
    return max(start, 0), max(min(stop, image_size), max(start, 0))


def _pixels_around(low, high, map_size, image_size):
    """First and past-the-last image pixel whose centre lies between, or at most half a map pixel outside."""
    low, high = min(low, high) - 0.5 / map_size, max(low, high) + 0.5 / map_size
    start, stop = (int(np.ceil(edge * image_size - 0.5)) for edge in (low, high))
    start = min(max(start, 0), image_size)
    return start, max(min(stop, image_size), start)


def _kept(low, high, map_size):
    """First and past-the-last map pixel that `crop_masks` keeps; at least one."""
    start = int(np.ceil(min(low, high) * map_size - 1))
    stop = int(np.ceil(max(low, high) * map_size + 1))
    start = min(max(start, 0), map_size - 1)
    return start, max(min(stop, map_size), start + 1)


def _resized(values, image_size, rows, columns, known_rows=None, known_columns=None):
    """Those rows and columns of a map that is resized to the image; the edge of what is known goes on."""
    # Columns first, while there are only the rows of the map.
    wide = _interpolated(np.asarray(values, np.float32).T, image_size[1], columns, known_columns)
    return _interpolated(np.ascontiguousarray(wide.T), image_size[0], rows, known_rows)


def _interpolated(values, image_size, window, known=None):
    """Rows [map, m] bilinearly at half-pixel centres of the image pixels in `window`: [window, m]."""
    map_size, pixels = len(values), np.arange(*window)
    first, stop = known or (0, map_size)
    positions = (pixels.astype(np.float32) + 0.5) * np.float32(map_size / image_size) - 0.5
    positions = np.clip(positions, first, stop - 1)
    floor = np.floor(positions)
    share = (positions - floor)[:, None]
    lower = floor.astype(int)
    upper = np.minimum(lower + 1, stop - 1)
    found = values[lower]
    found *= 1 - share
    found += values[upper] * share
    return found
