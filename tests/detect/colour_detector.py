"""A detector without a network: every colour but black is an object, the green of which is its class."""

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.image_inputs import pixels_of


class ColourDetector:
    """Finds each colour as one object, wherever its pixels are: score 0.9, class names c0, c1, …"""

    def __init__(self):
        self.labels = {i: f"c{i}" for i in range(256)}
        self.engine = None
        self.sizes = []  # of all images that it was shown

    def __call__(self, image):
        if not isinstance(image, list):
            return self._find(pixels_of(image).rgb)
        return [self._find(pixels_of(one).rgb) for one in image]

    def _find(self, image):
        self.sizes.append(image.shape[:2])
        colours = [c for c in np.unique(image.reshape(-1, 3), axis=0) if c.any() and c.min() != c.max()]
        masks = [(image == colour).all(2) for colour in colours]
        extents = [(np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))) for mask in masks]
        boxes = [(x[0], y[0], x[-1] + 1, y[-1] + 1) for x, y in extents]
        classes = np.array([colour[1] for colour in colours], int)
        count = len(colours)
        return Detections(
            image_size=image.shape[:2],
            boxes=np.array(boxes, np.float32).reshape(-1, 4),
            scores=np.full(count, 0.9, np.float32),
            class_ids=classes,
            class_names=tuple(self.labels[i] for i in classes),
            mask_probabilities=np.zeros((count, 0, 0), np.float32),
            given_windows=tuple((0, 0, mask) for mask in masks),
        )


def painted(owner, classes):
    """The picture [H, W, 3] in which it finds object k of `owner` [H, W], which has k + 1 there."""
    colours = np.zeros((len(classes) + 1, 3), np.uint8)
    colours[1:, 0] = np.arange(1, len(classes) + 1)
    colours[1:, 1] = classes
    colours[1:, 2] = 255
    return colours[owner]
