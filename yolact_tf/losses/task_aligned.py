"""Which anchor learns which object, by what the network already says of both (TOOD: Feng et al. 2021, §3.2).

Vectorised over a padded batch with static shapes, so that it compiles under XLA; of objects, one at a time is
compared with all anchors.
"""

from typing import NamedTuple

from keras import ops

from yolact_tf.boxes import area, corners_to_centers, intersection, iou
from yolact_tf.losses.targets import count_slots, forced_matches, slot_masks, take_rows, targets_of
from yolact_tf.structures import BACKGROUND, GroundTruth, Targets, Tensor

# An object wants anchors with their centre in it by 0 to 1, others by so much less; a slot without one, none.
OUTSIDE, NO_OBJECT = 2.0, -3.0
NEARER = 1e-3  # what the width of the image is in overlap: enough to choose between equal ones


class Alignment(NamedTuple):
    """An anchor is aligned with an object by score^alpha · IoU^beta; an object takes at most `top_k`."""

    top_k: int
    alpha: float
    beta: float


def match_aligned(
    ground_truth: GroundTruth,
    anchors: Tensor,
    scores: Tensor,
    boxes: Tensor,
    alignment: Alignment,
    crowd_overlap: float,
) -> Targets:
    """Targets of a padded batch, for the predictions of this step. No gradient goes through them.

    anchors: [A, 4] corners.  scores: [B, A, C], background removed.  boxes: [B, A, 4] predicted corners.
    Of the anchors whose centre lies in its box, an object takes those that are best aligned: by the score of
    its class and the IoU of the predicted box with its own. What several objects take goes to that of the
    highest IoU. Every object has one anchor of its own: where others took all, its best remaining one, and
    without a centre inside the anchor that overlaps it most. All other anchors are background, or neutral in
    a crowd as in `match_anchors`.
    """
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    scores, boxes = (ops.stop_gradient(ops.cast(x, "float32")) for x in (scores, boxes))
    num_used = count_slots(ground_truth)
    holder, crowd_share, wishes, candidates = _look_at_slots(
        ground_truth, anchors, scores, boxes, alignment, num_used
    )
    forced_gt = forced_matches(_own_first(wishes, candidates, holder), candidates, anchors.shape[0], num_used)
    holder = ops.where(forced_gt >= 0, forced_gt, holder)

    gt_index = ops.maximum(holder, 0)
    classes = ops.where(holder >= 0, take_rows(ground_truth["classes"], gt_index) + 1, BACKGROUND)
    return targets_of(ground_truth, anchors, classes, gt_index, crowd_share > crowd_overlap)


def _look_at_slots(ground_truth, anchors, scores, boxes, alignment, num_used):
    """What anchors and the first `num_used` slots are to each other.

    Returns of each anchor the slot that takes it, -1 for none, and the largest share of its area that one
    crowd box covers: two [B, A]; and of each slot how it ranks its best anchors, and these: two [B, G, k].
    """
    gt_boxes = ops.cast(ground_truth["boxes"], "float32")
    is_object, is_crowd = slot_masks(ground_truth)
    batch, num_slots = ops.shape(gt_boxes)[:2]
    num_anchors = anchors.shape[0]
    top_k = min(alignment.top_k, num_anchors)
    # An object can lose at most G - 1 anchors to others, so its G best are enough to match it.
    k = min(max(num_slots, top_k), num_anchors)
    slots = ops.reshape(ops.arange(num_slots, dtype="int32"), (1, -1, 1))
    numbers = ops.reshape(ops.arange(num_anchors, dtype="int32"), (1, 1, -1))
    anchor_areas, of_class = area(anchors), ops.transpose(scores, (0, 2, 1))  # [A], [B, C, A]

    def look(slot, best, holder, crowd_share, wishes, candidates):
        box = ops.expand_dims(ops.take(gt_boxes, slot, axis=1), 1)
        label, holds_object, holds_crowd = (
            ops.take(x, slot, axis=1)[:, None] for x in (ground_truth["classes"], is_object, is_crowd)
        )
        overlap = ops.squeeze(iou(box, boxes), 1)
        wish = _wish(box, anchors, ops.squeeze(take_rows(of_class, label), 1), overlap, alignment)
        own_wishes, own = ops.top_k(ops.where(holds_object, wish, NO_OBJECT), k)
        own = ops.cast(own, "int32")
        taken = ops.where(own_wishes >= 0, own, -1)[:, :top_k, None]
        overlap = ops.where(ops.any(numbers == taken, axis=1), overlap, -1.0)
        share = ops.squeeze(intersection(box, anchors), 1) / anchor_areas
        return (
            slot + 1,
            ops.maximum(best, overlap),
            ops.where(overlap > best, slot, holder),  # the first of equal ones
            ops.maximum(crowd_share, ops.where(holds_crowd, share, 0.0)),
            ops.where(slots == slot, own_wishes[:, None], wishes),
            ops.where(slots == slot, own[:, None], candidates),
        )

    of_anchors, of_slots = (batch, num_anchors), (batch, num_slots, k)
    state = (
        ops.zeros((), "int32"),
        ops.zeros(of_anchors) - 1,
        ops.zeros(of_anchors, "int32") - 1,
        ops.zeros(of_anchors),
        ops.zeros(of_slots) + NO_OBJECT,
        ops.zeros(of_slots, "int32"),
    )
    return ops.while_loop(lambda slot, *_: slot < num_used, look, state)[2:]


def _wish(box, anchors, score, overlap, alignment):
    """How much an object wants each anchor, [B, A]: where its box [B, 1, 4] holds the anchor's centre by
    score and overlap [B, A] of what is predicted, else less, by the overlap of the anchor itself. Many hold
    a small object whole; of these the nearest."""
    x, y, *_ = (ops.transpose(part) for part in ops.split(corners_to_centers(anchors), 4, axis=-1))
    x1, y1, x2, y2 = (ops.squeeze(side, 1) for side in ops.split(box, 4, axis=-1))
    is_inside = ops.logical_and(ops.logical_and(x1 < x, x < x2), ops.logical_and(y1 < y, y < y2))
    aligned = ops.power(score, alignment.alpha) * ops.power(overlap, alignment.beta)
    away = ops.abs(x - (x1 + x2) / 2) + ops.abs(y - (y1 + y2) / 2)
    beside = ops.squeeze(iou(box, anchors), 1) - NEARER * away
    return ops.where(is_inside, aligned, beside - OUTSIDE)


def _own_first(wishes, candidates, holder):
    """Wishes as overlaps of `forced_matches`: those that are fulfilled come first, so that each object keeps
    one, and only then those of objects that got none. [B, G, k]."""
    num_slots, k = wishes.shape[1:]
    holders = ops.take_along_axis(holder, ops.reshape(candidates, (-1, num_slots * k)), axis=1)
    slots = ops.reshape(ops.arange(num_slots, dtype="int32"), (1, -1, 1))
    is_own = ops.cast(ops.reshape(holders, (-1, num_slots, k)) == slots, "float32")
    return ops.where(wishes > NO_OBJECT, wishes - NO_OBJECT + 2 * is_own, -1.0)
