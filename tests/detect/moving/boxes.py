"""Detections made of boxes alone, for what follows boxes."""

import numpy as np

from yolact_tf.detect.detections import Detections


def boxes(*rows, track_ids=None, scores=None, names=None, size=(100, 100)):
    """Detections whose masks fill their boxes `rows`; classes are named x unless `names` says otherwise."""
    count = len(rows)
    names = ("x",) * count if names is None else tuple(names)
    return Detections(
        image_size=size,
        boxes=np.array(rows, np.float32).reshape(-1, 4),
        scores=np.full(count, 0.9, np.float32) if scores is None else np.array(scores, np.float32),
        class_ids=np.array([sorted(set(names)).index(name) for name in names], int),
        class_names=names,
        mask_probabilities=np.zeros((count, 0, 0), np.float32),
        given_windows=tuple(
            (int(y1), int(x1), np.ones((int(y2 - y1), int(x2 - x1)), bool)) for x1, y1, x2, y2 in rows
        ),
        track_ids=None if track_ids is None else np.array(track_ids, int),
    )
