"""Predictions to detections: decode, score, NMS, assemble masks. The graph that every path shares."""

from keras import ops

from yolact_tf.boxes import decode
from yolact_tf.detect.nms import NMS
from yolact_tf.masks import assemble_masks
from yolact_tf.structures import BACKGROUND

# A box that no pixel of any prototype map lies in, for slots without a detection.
NOWHERE = -9.0


def postprocess(
    predictions,
    anchors,
    *,
    score_threshold=0.05,
    nms="fast",
    nms_iou_threshold=0.5,
    max_candidates=200,
    max_detections=100,
):
    """PaddedDetections of a batch of Predictions: static shapes, best first.

    anchors: [A, 4] corners.  score_threshold: an anchor takes part when its best class scores
    more; it then competes in every class, as in the reference.  nms: a key of `detect.nms.NMS`.
    Boxes are corners in 0..1, not clipped. Returns a dict with `num_detections` [B] int32, `boxes`
    [B, N, 4], `scores` [B, N], `classes` [B, N] int32 (0..C-1), `coefficients` [B, N, K] and `masks`
    [B, N, Hp, Wp]; slots past `num_detections` hold zeros and class -1.
    """
    if nms not in NMS:
        raise ValueError(f"`nms` must be one of {sorted(NMS)}. Received: {nms!r}")
    keys = ("class_logits", "box_deltas", "mask_coefficients", "prototypes")
    batch = {key: ops.convert_to_tensor(predictions[key]) for key in keys}
    limits = {
        "iou_threshold": nms_iou_threshold,
        "max_candidates": max_candidates,
        "max_detections": max_detections,
    }

    def detect_one(image):
        return _detect_image(image, anchors, score_threshold, NMS[nms], limits)

    if batch["class_logits"].shape[0] == 1:  # no loop: LiteRT's GPU backends have none
        one = detect_one({key: ops.reshape(x, x.shape[1:]) for key, x in batch.items()})
        return {key: ops.expand_dims(value, 0) for key, value in one.items()}
    return ops.map(detect_one, batch)


def _detect_image(image, anchors, score_threshold, nms, limits):
    scores = ops.softmax(image["class_logits"], axis=-1)[:, BACKGROUND + 1 :]
    takes_part = ops.max(scores, axis=1, keepdims=True) > score_threshold
    scores = scores * ops.cast(takes_part, scores.dtype)
    boxes = decode(image["box_deltas"], ops.convert_to_tensor(anchors, dtype="float32"))
    indices, classes, scores = nms(boxes, scores, **limits)

    found = scores > 0
    column = ops.expand_dims(ops.cast(found, "float32"), 1)
    boxes = ops.take(boxes, indices, axis=0) * column
    coefficients = ops.take(image["mask_coefficients"], indices, axis=0) * column
    masks = assemble_masks(
        ops.expand_dims(image["prototypes"], 0),
        ops.expand_dims(coefficients, 0),
        ops.expand_dims(boxes + NOWHERE * (1 - column), 0),
    )
    return {
        "num_detections": ops.sum(ops.cast(found, "int32")),
        "boxes": boxes,
        "scores": scores,
        "classes": ops.where(found, classes, -1),
        "coefficients": coefficients,
        "masks": ops.squeeze(masks, 0),
    }
