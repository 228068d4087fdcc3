"""How a batch's positive anchors spread over the levels of the pyramid."""

from typing import Any

import numpy as np

from yolact_tf.anchors import anchors_per_cell, build_anchors, level_starts
from yolact_tf.config import Config
from yolact_tf.losses.targets import is_positive, match_anchors
from yolact_tf.structures import GroundTruth


def positives_by_level(ground_truth: GroundTruth, config: Config) -> np.ndarray:
    """[5] int64: the positive anchors of each level P3..P7, for the GroundTruth of a batch."""
    anchors = build_anchors(**config.anchor_settings)
    truth: Any = {name: np.asarray(values) for name, values in ground_truth.items()}
    targets = match_anchors(truth, anchors, **config.loss.matching)
    positives = np.asarray(is_positive(targets)).sum(0)  # [A]
    per_cell = anchors_per_cell(config.anchors.scales, config.anchors.ratios)
    return np.add.reduceat(positives, level_starts(config.data.image_size, per_cell))
