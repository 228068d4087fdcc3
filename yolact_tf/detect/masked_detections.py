"""Detections from an answer that holds whole masks instead of probabilities."""

from functools import cached_property

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.detect.detections import Detections


class MaskedDetections(Detections):
    """Detections whose `mask_probabilities` are the masks themselves, [n, H, W] bool."""

    @cached_property
    def windows(self) -> list[tuple[int, int, np.ndarray]]:
        """Each mask as a window of the whole image."""
        return [(0, 0, mask) for mask in self.mask_probabilities]


def decode_rle(counts: bytes, size: tuple[int, int]) -> np.ndarray:
    """The mask [H, W] bool of COCO's compressed run lengths. ValueError where they are none of this size."""
    mask = coco_mask.decode({"size": list(size), "counts": counts})
    # Runs that end too early leave pixels unwritten, which pycocotools does not notice.
    if coco_mask.encode(mask)["counts"] != counts:
        raise ValueError(f"run lengths that are none of a mask of {size} pixels")
    return mask.astype(bool)
