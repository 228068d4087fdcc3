"""Validation images as a person judges them: truth beside detections, and the prototypes behind them."""

from collections.abc import Mapping

import matplotlib
import numpy as np

from yolact_tf.data.record import Record
from yolact_tf.detect.detections import Detections
from yolact_tf.draw.instances import draw_truth, in_rows, resize, scaled_size
from yolact_tf.mask_windows import scaled
from yolact_tf.structures import Progress

SHOWN_SCORE = 0.3  # detections below are left out
SIDE = 320  # pixels of an image's longer side in a picture


class ValidationSample:
    """Pictures of some validation images, evenly spaced, as the last validation saw them.

    num_images: in the validation set.  labels: category id -> name, in the model's order.  size: how many
    images are shown.  progress: called as progress(done, total) after each image.
    """

    def __init__(
        self, num_images: int, labels: Mapping[int, str], size: int, progress: Progress | None = None
    ):
        places = np.linspace(0, num_images - 1, min(size, num_images))
        self._places = set(places.round().astype(int).tolist())
        self._labels, self._progress = labels, progress
        self._place, self._is_new = 0, True  # of the image that comes next, and whether none was seen yet
        self.pairs: list[np.ndarray] = []  # [h, w, 3] uint8 pictures, truth beside detections
        self.prototypes: np.ndarray | None = None  # [h, w, 3] uint8 picture of those of the first image

    def observe(self, record: Record, image: np.ndarray, found: Detections) -> None:
        """Takes the images of a validation in turn, as `evaluate` hands on those that it can read."""
        if self._is_new:
            self.pairs, self._is_new = [], False
            if found.prototypes is not None:
                self.prototypes = prototype_picture(image, found.prototypes)
        if self._place in self._places:
            self.pairs.append(truth_beside_detections(image, record, found, self._labels))

    def count(self, done: int, total: int) -> None:
        """Takes the progress of a validation, as `evaluate` tells it after each image, lost ones too."""
        self._place = done % total
        self._is_new = self._is_new or done == total
        if self._progress:
            self._progress(done, total)


def truth_beside_detections(
    image: np.ndarray, record: Record, found: Detections, labels: Mapping[int, str]
) -> np.ndarray:
    """[h, w, 3] uint8 picture of an image twice: with the objects of its Record, and with `found`, its
    Detections.

    labels: category id -> name, in the model's order.
    """
    size = scaled_size(image.shape[:2], SIDE)
    small = resize(image, size)
    # Drawn at the picture's size, so that lines and names stay legible.
    shown = found.above(SHOWN_SCORE).resized(size)
    return in_rows([_draw_truth(small, record, labels), shown.draw(small)], 2)


def prototype_picture(image: np.ndarray, prototypes: np.ndarray) -> np.ndarray:
    """[h, w, 3] uint8 picture of an image and its prototypes [Hp, Wp, K], bright where they are large.

    Each is scaled by its own largest value.
    """
    side = max(96, prototypes.shape[0])
    colors = matplotlib.colormaps["viridis"]
    tiles = [resize(image, (side, side))]
    for k in range(prototypes.shape[2]):
        values = prototypes[..., k] / max(prototypes[..., k].max(), 1e-9)
        tiles.append(resize(colors(values, bytes=True)[..., :3], (side, side)))
    return in_rows(tiles, int(np.ceil(np.sqrt(len(tiles)))))


def _draw_truth(picture, record, labels):
    size = picture.shape[:2]
    whole = record.height, record.width
    windows = [scaled(0, 0, record.mask(row), whole, size) for row in range(len(record.runs))]
    boxes = record.boxes * np.array([size[1], size[0]] * 2)
    return draw_truth(picture, boxes, windows, record.classes, record.is_crowd, labels)
