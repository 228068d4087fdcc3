"""Detections of parts of an image in its own pixels, and several of them as one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.windows import Region, moved, trimmed
from yolact_tf.mask_windows import Window


def in_image(found: Detections, region: Region, scale: int, image_size: tuple[int, int]) -> Detections:
    """What was found in a picture of `region`, `scale` times smaller, in the pixels of the image.

    image_size: (height, width). Masks are given, no larger than they are, so that little is kept.
    """
    x, y = region[:2]
    corner = np.array([x, y, x, y], np.float32)
    return with_windows(
        replace(found, image_size=image_size, boxes=found.boxes * np.float32(scale) + corner),
        [moved(trimmed(window), x, y, scale) for window in found.windows],
    )


def with_windows(found: Detections, windows: Sequence[Window]) -> Detections:
    """The same objects with these masks in pixels, as plain Detections."""
    kept = {name: getattr(found, name) for name in _KEPT}
    nothing = np.zeros((len(found), 0, 0), np.float32)
    return Detections(**kept, mask_probabilities=nothing, given_windows=tuple(windows))


_KEPT = ("image_size", "boxes", "scores", "class_ids", "class_names", "rescored")


def one_set(sets: Sequence[Detections]) -> Detections:
    """All of several Detections of one image with given masks, in turn; at least one."""
    first = sets[0]
    return Detections(
        image_size=first.image_size,
        boxes=np.concatenate([found.boxes for found in sets]),
        scores=np.concatenate([found.scores for found in sets]),
        class_ids=np.concatenate([found.class_ids for found in sets]),
        class_names=tuple(name for found in sets for name in found.class_names),
        mask_probabilities=np.concatenate([found.mask_probabilities for found in sets]),
        rescored=None if first.rescored is None else np.concatenate([found.rescored for found in sets]),
        given_windows=tuple(window for found in sets for window in found.given_windows or ()),
    )
