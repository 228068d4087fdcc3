"""The weighted sum of losses that `model.compile` takes."""

import keras
from keras import ops

from yolact_tf.anchors import build_anchors
from yolact_tf.config import Config
from yolact_tf.replicas import num_replicas
from yolact_tf.train import losses
from yolact_tf.train.targets import match_anchors


@keras.saving.register_keras_serializable(package="yolact_tf")
class YolactLoss(keras.losses.Loss):
    """Matches a batch, weighs its losses and names each (YOLACT §3.4, released configuration).

    `loss(ground_truth, predictions)` is the sum of `loss.parts(ground_truth, predictions)`. A model
    with a mask rescorer passes it to `parts`, which then add `mask_iou_loss` (YOLACT++).
    """

    def __init__(self, config, name="yolact_loss"):
        super().__init__(name=name, reduction="sum")
        self.config = config
        self.part_names = ("box_loss", "class_loss", "mask_loss", "semantic_loss")
        if config.model.mask_rescoring:
            self.part_names += ("mask_iou_loss",)
        anchors = config.anchors
        self.anchors = build_anchors(
            config.data.image_size, anchors.sizes, anchors.scales, anchors.ratios, anchors.square
        )
        self.seed = keras.random.SeedGenerator(config.train.seed)

    @property
    def variables(self):
        """What is remembered from batch to batch; the model that is trained tracks them as its own."""
        return [self.seed.state]

    def parts(self, ground_truth, predictions, mask_rescorer=None):
        """{name: weighted scalar}. The semantic loss is divided by the images of the batch, all others
        by its positives; of a batch that replicas share, each returns its part of the whole loss.
        mask_rescorer: [n, Hp, Wp, 1] to mask IoUs [n, C]; None leaves its loss out."""
        train = self.config.train
        targets = match_anchors(
            ground_truth, self.anchors, train.positive_iou, train.negative_iou, train.crowd_overlap
        )
        num_positives = losses.count_positives(targets)
        num_images = ops.cast(num_replicas() * ops.shape(predictions["semantic_logits"])[0], "float32")
        box = losses.box_loss(predictions["box_deltas"], targets)
        classes = losses.class_loss(predictions["class_logits"], targets, train.negatives_per_positive)
        positives = losses.assemble_positives(
            predictions["mask_coefficients"],
            predictions["prototypes"],
            targets,
            ground_truth,
            train.masks_per_image,
            self.seed,
        )
        masks = losses.mask_loss(positives)
        semantic = losses.semantic_loss(predictions["semantic_logits"], ground_truth)
        parts = {
            "box_loss": train.box_weight * box / num_positives,
            "class_loss": train.class_weight * classes / num_positives,
            "mask_loss": train.mask_weight * masks / num_positives,
            "semantic_loss": train.semantic_weight * semantic / num_images,
        }
        if mask_rescorer is not None:
            mask_iou = losses.mask_iou_loss(positives, mask_rescorer, train.mask_iou_min_area)
            parts["mask_iou_loss"] = train.mask_iou_weight * mask_iou / num_positives
        return parts

    def __call__(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            raise ValueError("YolactLoss takes no sample weights. Received: `sample_weight`")
        return sum(self.parts(y_true, y_pred).values())

    def get_config(self):
        return {"name": self.name, "config": self.config.to_json()}

    @classmethod
    def from_config(cls, config):
        return cls(Config.from_json(config["config"]), name=config["name"])
