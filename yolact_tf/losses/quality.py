"""How well a positive anchor finds its object: what quality-aware class losses want its score to say.

All are [B, A] float32 in 0..1, 0 of anchors that are not positive, and take no gradient.
"""

from collections.abc import Mapping

from keras import ops

from yolact_tf.boxes import decode, paired_iou
from yolact_tf.losses.mask_losses import mask_iou
from yolact_tf.losses.targets import is_positive
from yolact_tf.replicas import sum_over_replicas
from yolact_tf.structures import Targets, Tensor


def box_quality(box_deltas: Tensor, targets: Targets, anchors: Tensor) -> Tensor:
    """IoU of the predicted box with the true one. box_deltas: [B, A, 4].  anchors: [A, 4] corners."""
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    boxes = decode(ops.stop_gradient(ops.cast(box_deltas, "float32")), anchors)
    overlaps = paired_iou(boxes, decode(targets["box_deltas"], anchors))
    return ops.where(is_positive(targets), overlaps, 0.0)


def mask_quality(quality: Tensor, positives: Mapping[str, Tensor]) -> Tensor:
    """`quality`, but IoU of the predicted mask with the true one where that is known.

    positives: what `assemble_positives` returns. Masks are cropped to the true box, as the mask losses see
    them. Positives beyond those, and objects whose true mask has no pixel, keep what `quality` says.
    """
    is_known = ops.logical_and(positives["is_chosen"], ops.any(positives["truth"] > 0, axis=(2, 3)))
    batch, num_anchors = ops.shape(quality)
    first = ops.expand_dims(ops.arange(batch, dtype="int32") * num_anchors, -1)
    places = ops.reshape(positives["anchors"] + first, (-1,))
    flat = ops.reshape(quality, (-1,))
    known = ops.reshape(ops.where(is_known, ops.stop_gradient(mask_iou(positives)), -1.0), (-1,))
    known = ops.where(known < 0, ops.take(flat, places), known)
    return ops.reshape(ops.scatter_update(flat, places[:, None], known), (-1, quality.shape[1]))


def total_quality(quality: Tensor) -> Tensor:
    """The sum over the whole batch, on all replicas, at least 1: what quality-aware losses divide by."""
    return ops.maximum(sum_over_replicas(ops.sum(quality)), 1.0)
