"""The values that pass between rooms, with their shapes and units; nothing else does.

Letters: B batch, A anchors, C classes without background, K prototypes, G ground-truth slots,
N detection slots, S network input side, Hp x Wp prototype map, Hs x Ws semantic map (P3).
Boxes are corners [x1, y1, x2, y2] in 0..1 of the image.
"""

from collections.abc import Callable
from typing import Any, NotRequired, TypedDict

Tensor = Any  # a tensor of the Keras backend, a tf.Tensor or an array
Progress = Callable[[int, int], None]  # called as progress(done, total) as work advances

BACKGROUND = 0  # index of the background logit; class c has logit c + 1


class Example(TypedDict):
    """One image with its objects, as read and before any augmentation."""

    encoded: Tensor  # scalar bytes of an image file
    image_size: Tensor  # [2] int32 height, width of the upright image, as the annotations say
    boxes: Tensor  # [n, 4] float32
    classes: Tensor  # [n] int32, 0..C-1
    is_crowd: Tensor  # [n] bool
    flips: Tensor  # ragged [n, None] int32, where each mask changes (`data.augment.mask_lookup`)


class GroundTruth(TypedDict):
    """Objects of a batch, padded to G slots; rows past `num_objects` are zeros."""

    boxes: Tensor  # [B, G, 4] float32
    classes: Tensor  # [B, G] int32, 0..C-1
    masks: Tensor  # [B, G, Hm, Wm] uint8, 0 or 1; Hm x Wm is `data.mask_scale` times Hp x Wp in our pipeline
    is_crowd: Tensor  # [B, G] bool; a crowd region is never a positive
    num_objects: Tensor  # [B] int32, crowds included


class Predictions(TypedDict):
    """What the network says, always the same keys, training or not."""

    class_logits: Tensor  # [B, A, C+1], background first
    box_deltas: Tensor  # [B, A, 4], SSD-coded against the anchors
    mask_coefficients: Tensor  # [B, A, K], after tanh
    prototypes: Tensor  # [B, Hp, Wp, K], after ReLU
    semantic_logits: Tensor  # [B, Hs, Ws, C]


class Targets(TypedDict):
    """What each anchor should say."""

    classes: Tensor  # [B, A] int32: class + 1, 0 background, -1 neutral
    box_deltas: Tensor  # [B, A, 4]
    gt_index: Tensor  # [B, A] int32, ground-truth slot that the anchor is matched with


class PaddedDetections(TypedDict):
    """Detections of a batch, best first; slots past `num_detections` hold score 0 and class -1."""

    num_detections: Tensor  # [B] int32
    boxes: Tensor  # [B, N, 4], not clipped to the image
    scores: Tensor  # [B, N]
    classes: Tensor  # [B, N] int32, 0..C-1
    coefficients: Tensor  # [B, N, K]
    masks: Tensor  # [B, N, Hp, Wp] probabilities, cropped to the box
    mask_scores: NotRequired[Tensor]  # [B, N] score times estimated mask IoU; YOLACT++ only
