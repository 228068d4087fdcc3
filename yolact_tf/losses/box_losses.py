"""One function a loss of the boxes, each an unnormalised scalar sum over the batch, in float32."""

from keras import ops

from yolact_tf.boxes import decode, paired_giou
from yolact_tf.losses.targets import is_positive
from yolact_tf.structures import Targets, Tensor


def box_loss(box_deltas: Tensor, targets: Targets) -> Tensor:
    """Smooth L1 (beta 1) summed over the four deltas of every positive anchor. [B, A, 4]."""
    smooth = smooth_l1(ops.cast(box_deltas, "float32") - targets["box_deltas"])
    return ops.sum(ops.where(is_positive(targets)[..., None], smooth, 0.0))


def giou_loss(box_deltas: Tensor, targets: Targets, anchors: Tensor) -> Tensor:
    """1 - generalised IoU of the box and the true one, summed over positive anchors. [B, A, 4].

    Rezatofighi et al. 2019, algorithm 1. anchors: [A, 4] corners. Between 0 and 2 an anchor.
    """
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    boxes = decode(ops.cast(box_deltas, "float32"), anchors)
    overlaps = paired_giou(boxes, decode(targets["box_deltas"], anchors))  # [B, A]
    return ops.sum(ops.where(is_positive(targets), 1 - overlaps, 0.0))


def smooth_l1(error: Tensor) -> Tensor:
    """Half the square below 1, the distance less a half above."""
    size = ops.abs(error)
    return ops.where(size < 1, 0.5 * size * size, size - 0.5)
