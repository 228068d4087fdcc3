"""One image of a data set and its objects, read and checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from yolact_tf.images.decoding import read_image


@dataclass(frozen=True)
class Record:
    """One image and its objects, as read from the annotations."""

    image_id: int | str
    path: str
    height: int
    width: int
    boxes: np.ndarray  # [n, 4] float32 corners in 0..1
    classes: np.ndarray  # [n] int32, rank of the category id
    is_crowd: np.ndarray  # [n] bool
    areas: np.ndarray  # [n] float64 pixels
    runs: Sequence[np.ndarray]  # n run lengths, column-major, starting with background
    xywh: np.ndarray  # [n, 4] float64 pixels, COCO's boxes to the last digit, as average precision wants them
    # EXIF's orientation by which the objects of the annotation file were turned with the image.
    turned: int = field(default=1, kw_only=True)

    def read_image(self) -> np.ndarray:
        """[H, W, 3] uint8 RGB of the image, upright. ValueError where it is none of the record's size."""
        return self._of_its_size(read_image(self.path))

    def mask(self, index: int) -> np.ndarray:
        """[H, W] bool of an object at the size of the image."""
        return mask_of(self.runs[index], self.height, self.width)

    def _of_its_size(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if (height, width) != (self.height, self.width):
            raise ValueError(
                f"{self.path}: expected {self.width}x{self.height} pixels. Received: {width}x{height}"
            )
        return image


def corners_of(xywh: np.ndarray, height: int, width: int) -> np.ndarray:
    """[n, 4] boxes of COCO, x, y, width, height in pixels, to float32 corners in 0..1."""
    corners = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
    return (corners / [width, height, width, height]).astype(np.float32)


def xywh_of(boxes: np.ndarray, height: int, width: int) -> np.ndarray:
    """Undoes `corners_of`, to float64."""
    corners = boxes.astype(np.float64) * [width, height, width, height]
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)


def mask_of(runs: np.ndarray, height: int, width: int) -> np.ndarray:
    """[H, W] bool of run lengths, column-major, starting with background."""
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def flips_of(runs: np.ndarray) -> np.ndarray:
    """Run lengths to flips, int32: the positions at which a mask changes (`data.augment.mask_lookup`)."""
    return np.cumsum(runs[:-1], dtype=np.int32)  # the last run ends with the image and is no flip


def runs_between(flips: np.ndarray, num_pixels: int) -> np.ndarray:
    """Undoes `flips_of` for a mask of `num_pixels`."""
    return np.diff(flips, prepend=0, append=num_pixels).astype(np.int32)
