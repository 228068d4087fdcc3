"""TiledDetector: large images, tile by tile, masks joined across the seams."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated.looks import Look, looks_at
from yolact_tf.detect.repeated.repeating_detector import ImageDetector, RepeatingDetector
from yolact_tf.detect.repeated.seams import Sightings, joined
from yolact_tf.detect.repeated.sets import in_image

_BATCH = 8  # tiles that the detector is shown at once
OVERLAP = 0.2  # of a tile
EDGE = 0.02  # of a tile: a box that comes this near to a seam is of an object that may go on behind it


class TiledDetector(RepeatingDetector):
    """Finds objects of a large image in its tiles and in smaller copies of it; each comes out once.

    tile: pixels of a tile's side.  overlap: the share of a tile that the next one shows too. An object no
    longer than this is whole in some tile; longer ones are looked for in copies of half the size, a
    quarter, … as well, which costs a third more, unless `smaller_copies` is False.
    """

    def __init__(
        self, detector: ImageDetector, tile: int = 640, overlap: float = OVERLAP, smaller_copies: bool = True
    ):
        if isinstance(tile, bool) or not isinstance(tile, int) or tile < 32:
            raise ValueError(f"`tile` must be a whole number of pixels, at least 32. Received: {tile!r}")
        if not 0 <= overlap < 1:
            raise ValueError(f"`overlap` must be a share of a tile from 0 to below 1. Received: {overlap!r}")
        super().__init__(detector)
        self.tile, self.overlap, self.smaller_copies = tile, overlap, smaller_copies

    def _detect(self, image: np.ndarray) -> Detections:
        if max(image.shape[:2]) <= self.tile:
            return self.detector([image])[0]
        size = image.shape[0], image.shape[1]
        looks, sets, cut = [], [], []
        for look, found in self._seen(image):
            moved = in_image(found, look.region, look.scale, size)
            moved = moved[self._is_asked_of(look, moved.boxes)]
            looks.append(look._replace(pixels=image[:0]))
            sets.append(moved)
            cut.append(self._is_cut(look, moved.boxes, size))
        return joined(Sightings.of(looks, sets, np.concatenate(cut)))

    def _seen(self, image) -> Iterator[tuple[Look, Detections]]:
        """Every look with what was found in it, batch by batch."""
        looks = looks_at(image, self.tile, self.overlap, self.smaller_copies)
        while batch := list(islice(looks, _BATCH)):
            yield from zip(batch, self.detector([look.pixels for look in batch]), strict=True)

    def _is_asked_of(self, look, boxes):
        """[n] bool: which objects a copy is looked at for: those too long to be whole in a tile for sure."""
        longer = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
        return (longer > self.overlap * self.tile * look.scale / 2) | (look.scale == 1)

    def _is_cut(self, look, boxes, size):
        """[n] bool: which boxes come near to a seam of their look, where the image goes on."""
        edge = self.tile * look.scale * EDGE
        x1, y1, x2, y2 = look.region
        # A copy leaves out an odd last row or column: no seam is that near to the end of the image.
        ends_here = np.array([x1 == 0, y1 == 0, x2 + look.scale > size[1], y2 + look.scale > size[0]])
        distances = np.abs(boxes - np.array(look.region))
        return ((distances < edge) & ~ends_here).any(1)
