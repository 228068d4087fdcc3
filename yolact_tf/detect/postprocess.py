"""Predictions to detections: decode, score, NMS, assemble masks. The graph that every path shares."""

from collections.abc import Callable, Mapping
from functools import partial

from keras import ops

from yolact_tf.boxes import decode
from yolact_tf.detect.few import by_size, may_exceed
from yolact_tf.detect.nms import NMS
from yolact_tf.masks import assemble_masks
from yolact_tf.structures import BACKGROUND, Tensor

# What makes scores of class logits: a sigmoid where the loss asked of one class at a time.
SCORES = {"softmax": ops.softmax, "sigmoid": ops.sigmoid}
# A box that no pixel of any prototype map lies in, for slots without a detection.
NOWHERE = -9.0
# Fewer anchors than all, and fewer detections, that a graph with branches is made for.
FEW_ANCHORS, FEW_DETECTIONS = (64, 1024), (4, 16, 48)


def postprocess(
    predictions: Mapping[str, Tensor],
    anchors: Tensor,
    *,
    score_threshold: float = 0.05,
    nms: str = "fast",
    nms_iou_threshold: float = 0.5,
    max_candidates: int = 200,
    max_detections: int = 100,
    image_size: int | None = None,
    mask_rescorer: Callable[[Tensor], Tensor] | None = None,
    score_activation: str = "softmax",
    branches: bool = False,
    tail: bool = True,
) -> dict[str, Tensor]:
    """PaddedDetections of a batch of Predictions: static shapes, best first.

    anchors: [A, 4] corners.  score_threshold: what an anchor's best class must exceed (traditional
    NMS: what each class must).  nms: a key of `detect.nms.NMS`; "traditional" measures in pixels and
    needs `image_size`, the side of the network's input.  mask_rescorer: [n, Hp, Wp, 1] to mask IoUs
    [n, C], for YOLACT++; it adds `mask_scores`.  score_activation: a key of `SCORES`.
    branches: whether what few anchors, candidates and detections leave out may take no time, which asks for a
    graph with conditions.  tail: whether what scores at most the threshold counts: an anchor that exceeds it
    competes in every class, so the reference fills its slots with near-zero scores.
    Boxes are corners in 0..1, not clipped. Returns a dict with `num_detections` [B] int32, `boxes`
    [B, N, 4], `scores` [B, N], `classes` [B, N] int32 (0..C-1), `coefficients` [B, N, K] and `masks`
    [B, N, Hp, Wp]; slots past `num_detections` hold zeros and class -1.
    """
    if nms not in NMS:
        raise ValueError(f"`nms` must be one of {sorted(NMS)}. Received: {nms!r}")
    if score_activation not in SCORES:
        raise ValueError(
            f"`score_activation` must be one of {sorted(SCORES)}. Received: {score_activation!r}"
        )
    limits = {
        "score_threshold": score_threshold,
        "iou_threshold": nms_iou_threshold,
        "max_detections": max_detections,
    }
    if nms == "traditional":
        if not image_size:
            raise ValueError(f"Traditional NMS needs `image_size` in pixels. Received: {image_size!r}")
        limits["pixel"] = 1 / image_size
    else:
        limits["max_candidates"] = max_candidates
    if nms == "fast":
        limits["branches"] = branches
    keys = ("class_logits", "box_deltas", "mask_coefficients", "prototypes")
    batch = {key: ops.convert_to_tensor(predictions[key]) for key in keys}
    # With the batch axis: of a constant [A, 2] beside an operand of the same rank, LiteRT's GPU accelerator
    # reads the first row all over.
    batch["boxes"] = decode(batch.pop("box_deltas"), ops.convert_to_tensor(anchors, dtype="float32"))

    num_anchors = batch["boxes"].shape[1]
    candidates = (*(few for few in FEW_ANCHORS if branches and few < num_anchors), num_anchors)
    slots = (*(few for few in FEW_DETECTIONS if branches and few < max_detections), max_detections)

    def select(boxes, logits):
        return NMS[nms](boxes, class_scores(logits, score_activation), **limits)

    def detect_one(image):
        boxes, logits = image["boxes"], image["class_logits"]
        if len(candidates) == 1:
            found = select(boxes, logits)
        else:
            takes_part = may_exceed(logits, score_threshold, score_activation)
            found = _among(takes_part, candidates, select, boxes, logits)
        return _detections(image, *found, 0.0 if tail else score_threshold, slots, mask_rescorer)

    if batch["class_logits"].shape[0] == 1:  # no loop: LiteRT's GPU backends have none
        one = detect_one({key: ops.reshape(x, x.shape[1:]) for key, x in batch.items()})
        return {key: ops.expand_dims(value, 0) for key, value in one.items()}
    return ops.map(detect_one, batch)


def class_scores(class_logits: Tensor, activation: str) -> Tensor:
    """Scores without that of background: [..., C+1] to [..., C]. activation: a key of `SCORES`."""
    return SCORES[activation](class_logits)[..., BACKGROUND + 1 :]


def _among(takes_part, sizes, select, boxes, logits):
    """`select(boxes, logits)` of the anchors that take part, as indices into all."""
    # The first of equals come first, so that the order of anchors stays.
    _, order = ops.top_k(ops.cast(takes_part, "float32"), sizes[-2])

    def select_among(size):
        if size > sizes[-2]:
            return select(boxes, logits)
        some = ops.cast(order[:size], "int32")
        indices, *rest = select(ops.take(boxes, some, axis=0), ops.take(logits, some, axis=0))
        return ops.take(some, indices, axis=0), *rest

    return by_size(ops.sum(ops.cast(takes_part, "int32")), sizes, select_among)


def _detections(image, indices, classes, scores, score_threshold, sizes, mask_rescorer):
    found = scores > score_threshold  # the first ones: scores fall
    scores = ops.where(found, scores, 0.0) if score_threshold else scores
    count = ops.sum(ops.cast(found, "int32"))
    column = ops.expand_dims(ops.cast(found, "float32"), 1)
    boxes = ops.take(image["boxes"], indices, axis=0) * column
    coefficients = ops.take(image["mask_coefficients"], indices, axis=0) * column
    detections = {
        "num_detections": count,
        "boxes": boxes,
        "scores": scores,
        "classes": ops.where(found, classes, -1),
        "coefficients": coefficients,
    }
    assemble = partial(_masks, image["prototypes"], coefficients, boxes + NOWHERE * (1 - column))
    detections["masks"] = by_size(count, sizes, assemble)
    # Not within a branch: one that reads variables is computed for a batch's first image once more, and fails
    # where there is none.
    if mask_rescorer is not None:
        detections["mask_scores"] = scores * _mask_iou(detections["masks"], classes, mask_rescorer)
    return detections


def _masks(prototypes, coefficients, boxes, size):
    """[N, Hp, Wp]: the masks of the first `size` slots, zeros for the others."""
    masks = assemble_masks(
        ops.expand_dims(prototypes, 0),
        ops.expand_dims(coefficients[:size], 0),
        ops.expand_dims(boxes[:size], 0),
    )
    missing = boxes.shape[0] - size
    masks = ops.squeeze(masks, 0)
    return ops.pad(masks, [(0, missing), (0, 0), (0, 0)]) if missing else masks


def _mask_iou(masks, classes, mask_rescorer):
    """The IoU [N] that the rescorer reads off each mask for its class (YOLACT++, fast mask re-scoring)."""
    estimates = mask_rescorer(ops.expand_dims(masks, -1))  # [N, C]
    # A product instead of an index: LiteRT's GPU accelerator neither gathers by two indices nor adds a
    # constant [N] to another.
    all_classes = ops.arange(estimates.shape[-1], dtype="int32")
    is_class = ops.cast(ops.equal(ops.expand_dims(classes, 1), all_classes), estimates.dtype)
    return ops.sum(estimates * is_class, axis=1)
