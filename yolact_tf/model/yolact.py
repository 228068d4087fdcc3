"""YOLACT, wired as in the paper's figure 2. The file to open first."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import layers

from yolact_tf.anchors import anchors_per_cell, build_anchors
from yolact_tf.config import Config
from yolact_tf.model.backbones import build_backbone
from yolact_tf.model.fpn import build_fpn
from yolact_tf.model.heads import build_prediction_head, build_semantic_head, rare_object_logits
from yolact_tf.model.outputs import Output
from yolact_tf.model.places import tell_variables
from yolact_tf.model.protonet import build_protonet
from yolact_tf.model.rescorer import build_mask_rescorer
from yolact_tf.preprocess import as_rgb
from yolact_tf.replicas import is_mirrored, share_batch_norm, sum_over_replicas
from yolact_tf.structures import Tensor


def build_yolact(config: Config) -> "Yolact":
    """The functional model of `config`: images [B, S, S, 3] RGB 0..255 -> Predictions.

    Normalisation is inside. `model.anchors` holds the [A, 4] corners that the outputs refer to. Of
    `data.channels` 1 images are [B, S, S, 1]: the backbone sees grey as RGB, so that all weights are those of
    three channels, such as ImageNet's, and mean the same.
    """
    settings, size = config.model, config.data.image_size
    image = keras.Input((size, size, config.data.channels), name="image")
    backbone = build_backbone(settings.backbone, size, settings.backbone_weights, settings.backbone_preset)
    fpn = build_fpn([c.shape[1:] for c in backbone.outputs], settings.pyramid_channels)
    protonet = build_protonet(
        [level.shape[1:] for level in fpn.outputs[: settings.prototype_levels]],
        settings.prototype_channels,
        settings.prototype_convs,
        settings.num_prototypes,
    )
    head = build_prediction_head(
        settings.pyramid_channels,
        settings.head_channels,
        anchors_per_cell(config.anchors.scales, config.anchors.ratios),
        settings.num_classes,
        settings.num_prototypes,
        _first_logits(config),
        settings.zero_coefficients,
    )
    semantic_head = build_semantic_head(fpn.outputs[0].shape[1:], settings.num_classes)

    pyramid = fpn(backbone(as_rgb(image)))
    class_logits, box_deltas, mask_coefficients = zip(*map(head, pyramid), strict=True)
    rescored = {"rescored": settings.mask_rescoring}
    predictions = {
        "class_logits": _all_levels(class_logits, "class_logits"),
        "box_deltas": _all_levels(box_deltas, "box_deltas", config.anchor_settings),
        "mask_coefficients": _all_levels(mask_coefficients, "mask_coefficients"),
        "prototypes": Output(rescored, name="prototypes")(protonet(pyramid[: settings.prototype_levels])),
        "semantic_logits": Output(name="semantic_logits")(semantic_head(pyramid[0])),
    }
    model = Yolact(image, predictions, name=config.name)
    if is_mirrored():
        share_batch_norm(model)
    return model


@keras.saving.register_keras_serializable(package="yolact_tf")
class Yolact(keras.Model):
    """A functional model that knows its anchors and shows each part of its loss by name.

    `mask_rescorer` is the mask-IoU network of YOLACT++, else None. It takes assembled masks, so it is
    no part of the graph from image to Predictions: the loss and detection call it.
    A loss with `parts(ground_truth, predictions, mask_rescorer, training) -> {name: scalar}` is summed and
    tracked part by part, in the metrics of its `trackers()`; any other loss is handled by Keras as usual.
    """

    mask_rescorer: keras.Model | None = None
    _parts_loss: Any = None
    _trackers: Mapping[str, keras.metrics.Metric] = {}

    def __init__(self, inputs: Tensor, outputs: dict[str, Tensor], name: str | None = None, **options: Any):
        super().__init__(inputs, outputs, name=name, **options)
        if self.get_layer("prototypes").facts["rescored"]:
            num_classes, mask_size = outputs["semantic_logits"].shape[-1], outputs["prototypes"].shape[1]
            self.mask_rescorer = build_mask_rescorer(num_classes, mask_size)
        tell_variables(self)

    @property
    def anchor_settings(self) -> dict[str, Any]:
        """The arguments of `build_anchors`."""
        return dict(self.get_layer("box_deltas").facts)

    @property
    def anchors(self) -> np.ndarray:
        """[A, 4] float32 corners in 0..1, in the order of the outputs."""
        return build_anchors(**self.anchor_settings)

    def compile(
        self,
        optimizer: str | keras.Optimizer = "rmsprop",
        loss: Any = None,
        jit_compile: bool | None = None,
        **options: Any,
    ) -> None:
        """Keras' `compile`; XLA stays off unless asked for, since it compiles for minutes on CPUs. JAX
        has no other way. ValueError for metrics beside a loss of parts: no truth has the names of outputs."""
        if jit_compile is None:
            jit_compile = keras.backend.backend() == "jax"
        if jit_compile and is_mirrored():
            raise ValueError("`jit_compile` must be off: XLA compiles no mirrored model. Received: True")
        self._parts_loss = loss if hasattr(loss, "parts") else None
        if self._parts_loss:
            _require_no_metrics(options)
        # A loss that Keras knows of has it read a batch ahead, and a data set that counts how often it
        # is iterated would take that for an epoch.
        keras_loss = None if self._parts_loss else loss
        # Keras keeps the last compilation's where this one has none.
        self._compile_loss = self._compile_metrics = None
        super().compile(optimizer=optimizer, loss=keras_loss, jit_compile=jit_compile, **options)
        self.loss = loss
        trackers = self._parts_loss.trackers() if self._parts_loss else {}
        # Past Keras' tracking, which would list each once more and those of earlier compilations, too.
        if trackers:
            self.__dict__["_loss_tracker"] = trackers.pop("loss")
        self.__dict__["_trackers"] = trackers

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile_from_config` takes."""
        config = super().get_compile_config()
        if self._parts_loss:
            config["loss"] = keras.saving.serialize_keras_object(self._parts_loss)
        return config

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a reloaded model as it was when saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return super().metrics + list(self._trackers.values())

    @property
    def variables(self) -> list[keras.Variable]:
        """All state, with what the loss remembers from batch to batch; that is in no weights file."""
        return super().variables + list(getattr(self._parts_loss, "variables", ()))

    def compute_loss(
        self,
        x: Tensor = None,
        y: Tensor = None,
        y_pred: Tensor = None,
        sample_weight: Tensor = None,
        training: bool = True,
    ) -> Tensor:
        """The total loss of a batch; each named part goes to its tracker on the way."""
        if self._parts_loss is None:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        parts = self._parts_loss.parts(y, y_pred, self.mask_rescorer, training)
        of_batch = sum_over_replicas(parts)
        whole = sum(of_batch.values())
        for name, tracker in self._trackers.items():
            tracker.update_state(of_batch.get(name, whole))
        return self._parts_loss.total(parts, y_pred)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Under `tf.distribute` Keras reads a batch ahead here to build what is not built. Only the
        optimizer is not, and it needs no batch."""
        if self._distribute_strategy and self.optimizer and not self.optimizer.built:
            with self._distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)


def _require_no_metrics(options):
    """Takes empty metrics out of `options`: Keras would look for the truth of each output even for none."""
    for name in ("metrics", "weighted_metrics"):
        metrics = options.pop(name, None)
        if metrics:
            raise ValueError(
                f"`{name}` must be empty beside a loss of parts, which are its metrics. Received: {metrics!r}"
            )


def _first_logits(config):
    """What class logits [C+1] start from: under a focal loss objects are rare at first."""
    if config.loss.class_loss not in ("focal", "sigmoid_focal"):
        return None
    return rare_object_logits(config.model.num_classes, config.score_activation)


def _all_levels(outputs, name, facts=None):
    """One [B, H·W·a, n] tensor a level to [B, A, n] float32, P3 first."""
    joined = layers.Concatenate(axis=1, name=f"{name}_levels")(list(outputs))
    return Output(facts, name=name)(joined)
