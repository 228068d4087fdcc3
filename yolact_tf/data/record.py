"""One image of a data set and its objects, read and checked."""

from dataclasses import dataclass

import numpy as np

from yolact_tf.data.images import read_image


@dataclass(frozen=True)
class Record:
    """One image and its objects, as read from the annotations."""

    image_id: int
    path: str
    height: int
    width: int
    boxes: np.ndarray  # [n, 4] float32 corners in 0..1
    classes: np.ndarray  # [n] int32, rank of the category id
    is_crowd: np.ndarray  # [n] bool
    areas: np.ndarray  # [n] float64 pixels, as the annotations say
    runs: tuple[np.ndarray, ...]  # n run lengths, column-major, starting with background

    def read_image(self):
        """[H, W, 3] uint8 RGB of the image, upright."""
        return read_image(self.path)


def flips_of(runs):
    """Run lengths to flips, int32: the positions at which a mask changes (`data.mask_lookup`)."""
    return np.cumsum(runs[:-1], dtype=np.int32)  # the last run ends with the image and is no flip


def runs_between(flips, num_pixels):
    """Undoes `flips_of` for a mask of `num_pixels`."""
    return np.diff(flips, prepend=0, append=num_pixels).astype(np.int32)
