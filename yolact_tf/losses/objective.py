"""The weighted sum of losses that `model.compile` takes."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import ops

from yolact_tf.anchors import build_anchors
from yolact_tf.config import Config
from yolact_tf.losses.box_losses import box_loss, giou_loss
from yolact_tf.losses.class_losses import balanced_loss, focal_loss, ohem_loss, sigmoid_focal_loss
from yolact_tf.losses.finite import FiniteMean, SkippedSteps, poison
from yolact_tf.losses.mask_losses import (
    assemble_positives,
    dice_loss,
    mask_iou_loss,
    mask_loss,
    semantic_loss,
)
from yolact_tf.losses.targets import count_positives, match_anchors
from yolact_tf.masks import enlarge_prototypes
from yolact_tf.replicas import num_replicas
from yolact_tf.structures import GroundTruth, Predictions, Tensor

FOCAL_LOSSES = {"focal": focal_loss, "sigmoid_focal": sigmoid_focal_loss}


@keras.saving.register_keras_serializable(package="yolact_tf")
class YolactLoss(keras.losses.Loss):
    """Matches a batch, weighs its losses and names each (YOLACT §3.4, released configuration).

    `loss(ground_truth, predictions)` is the sum of `loss.parts(ground_truth, predictions)`. A model
    with a mask rescorer passes it to `parts`, which then add `mask_iou_loss` (YOLACT++).
    """

    def __init__(self, config: Config, name: str = "yolact_loss"):
        super().__init__(name=name, reduction="sum")
        self.config = config
        self.part_names: tuple[str, ...] = ("box_loss", "class_loss", "mask_loss", "semantic_loss")
        if config.loss.dice_weight:
            self.part_names += ("dice_loss",)
        if config.model.mask_rescoring:
            self.part_names += ("mask_iou_loss",)
        self.anchors = build_anchors(**config.anchor_settings)
        self.seed = keras.random.SeedGenerator(config.train.seed)
        self.class_counts = None
        if config.loss.class_loss == "balanced":
            # Only ratios of the counts matter, so that their mean over replicas is as good as the sum.
            self.class_counts = keras.Variable(
                np.zeros(config.model.num_classes + 1, "float32"),
                trainable=False,
                aggregation="mean",
                name="class_counts",
            )

    @property
    def variables(self) -> list[keras.Variable]:
        """What is remembered from batch to batch; the model that is trained tracks them as its own."""
        return [self.seed.state] + ([] if self.class_counts is None else [self.class_counts])

    def parts(
        self,
        ground_truth: GroundTruth,
        predictions: Predictions,
        mask_rescorer: Callable[[Tensor], Tensor] | None = None,
        training: bool = True,
    ) -> dict[str, Tensor]:
        """{name: weighted scalar}. The semantic loss is divided by the images of the batch, all others by
        its positives; of a batch that replicas share, each returns its part of the whole loss.
        mask_rescorer: [n, Hp, Wp, 1] to mask IoUs [n, C]; None leaves its loss out.
        training: whether the batch counts towards the class counts of balanced losses."""
        settings = self.config.loss
        targets = match_anchors(ground_truth, self.anchors, **settings.matching)
        num_positives = count_positives(targets)
        num_images = ops.cast(num_replicas() * ops.shape(predictions["semantic_logits"])[0], "float32")
        box = self._box_loss(predictions["box_deltas"], targets)
        positives = self._positives(ground_truth, predictions, targets, self.config.data.mask_scale)
        classes = self._class_loss(predictions["class_logits"], targets, training)
        masks = mask_loss(positives)
        semantic = semantic_loss(predictions["semantic_logits"], ground_truth)
        parts = {
            "box_loss": settings.box_weight * box / num_positives,
            "class_loss": settings.class_weight * classes / num_positives,
            "mask_loss": settings.mask_weight * masks / num_positives,
            "semantic_loss": settings.semantic_weight * semantic / num_images,
        }
        if settings.dice_weight:
            parts["dice_loss"] = settings.dice_weight * dice_loss(positives) / num_positives
        if mask_rescorer is not None:
            if self.config.data.mask_scale > 1:  # detection re-scores masks of the prototypes' size
                positives = self._positives(ground_truth, predictions, targets, 1)
            mask_iou = mask_iou_loss(positives, mask_rescorer, settings.mask_iou_min_area)
            parts["mask_iou_loss"] = settings.mask_iou_weight * mask_iou / num_positives
        return parts

    def _positives(self, ground_truth, predictions, targets, mask_scale):
        prototypes = ops.cast(predictions["prototypes"], "float32")
        return assemble_positives(
            predictions["mask_coefficients"],
            enlarge_prototypes(prototypes, mask_scale),
            targets,
            ground_truth,
            self.config.loss.masks_per_image,
            self.seed,
        )

    def _box_loss(self, box_deltas, targets):
        if self.config.loss.box_loss == "giou":
            return giou_loss(box_deltas, targets, self.anchors)
        return box_loss(box_deltas, targets)

    def _class_loss(self, class_logits, targets, training):
        settings = self.config.loss
        if settings.class_loss in FOCAL_LOSSES:
            focal = FOCAL_LOSSES[settings.class_loss]
            return focal(class_logits, targets, settings.focal_gamma, settings.focal_alpha)
        if settings.class_loss == "ohem":
            return ohem_loss(class_logits, targets, settings.negatives_per_positive)
        loss, counts = balanced_loss(
            class_logits, targets, settings.negatives_per_positive, self.class_counts
        )
        if training:
            self.class_counts.assign(counts)
        return loss

    def __call__(self, y_true: GroundTruth, y_pred: Predictions, sample_weight: Tensor = None) -> Tensor:
        if sample_weight is not None:
            raise ValueError("YolactLoss takes no sample weights. Received: `sample_weight`")
        return sum(self.parts(y_true, y_pred).values())

    def total(self, parts: Mapping[str, Tensor], predictions: Predictions) -> Tensor:
        """The sum of `parts`, with a gradient that makes `FiniteSteps` skip the step if it is not finite."""
        return poison(sum(parts.values()), predictions["box_deltas"][0, 0, 0])

    def trackers(self) -> dict[str, keras.metrics.Metric]:
        """{name: metric} of the loss, its parts, and the steps that were skipped."""
        means = {name: FiniteMean(name) for name in ("loss", *self.part_names)}
        return {**means, "skipped_steps": SkippedSteps("skipped_steps")}

    def get_config(self):
        return {"name": self.name, "config": self.config.to_json()}

    @classmethod
    def from_config(cls, config):
        return cls(Config.from_json(config["config"]), name=config["name"])
