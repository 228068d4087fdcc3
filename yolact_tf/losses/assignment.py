"""The way of a Config to tell which anchor learns which object."""

from collections.abc import Mapping

from keras import ops

from yolact_tf.boxes import decode
from yolact_tf.config import Config
from yolact_tf.losses.targets import match_anchors
from yolact_tf.losses.task_aligned import Alignment, match_aligned
from yolact_tf.scores import class_scores
from yolact_tf.structures import GroundTruth, Targets, Tensor


def assign_anchors(
    config: Config,
    ground_truth: GroundTruth,
    anchors: Tensor,
    predictions: Mapping[str, Tensor] | None = None,
) -> Targets:
    """Targets of a batch. anchors: [A, 4] corners, those of the Config.

    predictions: `class_logits` and `box_deltas` of Predictions, which the task-aligned assignment looks at.
    None stands for a network that says of each class and anchor the same, and that the object is the anchor.
    """
    loss = config.loss
    if loss.assignment == "iou":
        return match_anchors(ground_truth, anchors, loss.positive_iou, loss.negative_iou, loss.crowd_overlap)
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    if predictions is None:
        predictions = _of_no_opinion(ground_truth, anchors.shape[0], config.model.num_classes)
    scores = class_scores(ops.cast(predictions["class_logits"], "float32"), config.score_activation)
    boxes = decode(ops.cast(predictions["box_deltas"], "float32"), anchors)
    alignment = Alignment(loss.aligned_top_k, loss.aligned_alpha, loss.aligned_beta)
    return match_aligned(ground_truth, anchors, scores, boxes, alignment, loss.crowd_overlap)


def _of_no_opinion(ground_truth, num_anchors, num_classes):
    batch = ops.shape(ground_truth["boxes"])[0]
    return {
        "class_logits": ops.zeros((batch, num_anchors, num_classes + 1)),
        "box_deltas": ops.zeros((batch, num_anchors, 4)),
    }
