"""Which images went well and which went badly."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yolact_tf.evaluate.matching import ImageMatch


class ImageQuality(NamedTuple):
    """What detections above a threshold make of an image."""

    image_id: int | str
    quality: float  # panoptic quality of all classes together (Kirillov et al. 2019), 0..1
    found: int  # objects
    wrong: int  # detections
    missed: int  # objects

    @property
    def errors(self) -> int:
        """Wrong detections and missed objects."""
        return self.wrong + self.missed


def image_quality(image_id: int | str, match: ImageMatch, threshold: float) -> ImageQuality:
    """The ImageQuality of detections above `threshold`: the IoU of those that found an object, summed, by
    the mean of the numbers of detections and of objects. 1 where there is nothing to find nor found."""
    shown = (match.scores > threshold) & ~match.is_ignored
    rows = np.flatnonzero(shown & (match.found >= 0))
    found, wrong = len(rows), int(shown.sum()) - len(rows)
    missed = int((~match.is_crowd).sum()) - found
    total = found + (wrong + missed) / 2
    overlap = float(match.ious[rows, match.found[rows]].sum())
    return ImageQuality(image_id, overlap / total if total else 1.0, found, wrong, missed)


def best_images(qualities: Sequence[ImageQuality], most: int) -> list[ImageQuality]:
    """The `most` images of the highest quality in which objects are found, best first; many objects first
    among equals."""
    found = [q for q in qualities if q.found]
    return sorted(found, key=lambda q: (-q.quality, -q.found))[:most]


def worst_images(qualities: Sequence[ImageQuality], most: int) -> list[ImageQuality]:
    """The `most` images of the lowest quality in which there are errors, worst first; many errors first
    among equals."""
    faulty = [q for q in qualities if q.errors]
    return sorted(faulty, key=lambda q: (q.quality, -q.errors))[:most]


def most_different(qualities: Sequence[Sequence[ImageQuality]], most: int) -> list[int | str]:
    """The ids of the `most` images on whose quality several models differ, the largest gap first.

    qualities: of each model. Images that only some models have are left out.
    """
    of_image = [{q.image_id: q.quality for q in of_model} for of_model in qualities]
    shared = [image_id for image_id in of_image[0] if all(image_id in q for q in of_image)]
    gaps = {i: max(q[i] for q in of_image) - min(q[i] for q in of_image) for i in shared}
    return [i for i in sorted(shared, key=lambda i: -gaps[i]) if gaps[i] > 0][:most]
