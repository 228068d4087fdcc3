"""EXIF's eight orientations: how stored pixels are turned to stand upright."""

import numpy as np

TAG = 0x0112
# Axes are swapped first, then columns and rows reversed.
FIRST_SWAPPED = 5
COLUMNS_REVERSED = (2, 3, 6, 7)
ROWS_REVERSED = (3, 4, 7, 8)
_UNDOES = {6: 8, 8: 6}


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """A view of [H, W, …] stored pixels, upright."""
    if orientation >= FIRST_SWAPPED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in COLUMNS_REVERSED:
        pixels = pixels[:, ::-1]
    return pixels[::-1] if orientation in ROWS_REVERSED else pixels


def undoing(orientation: int) -> int:
    """The orientation that turns back what `orientation` turned."""
    return _UNDOES.get(orientation, orientation)


def turned_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height, in either order, of what an image of `size` is once it is turned."""
    return size[::-1] if orientation >= FIRST_SWAPPED else size
