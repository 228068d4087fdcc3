"""Heads: the shared prediction head over P3..P7 and the semantic branch on P3 (YOLACT §3.2, §3.4)."""

import math

import keras
from keras import layers

RARE = 0.01  # how often an anchor is an object before training (RetinaNet §4.1, the reference's too)


def build_prediction_head(
    level_channels: int,
    channels: int,
    anchors_per_cell: int,
    num_classes: int,
    num_prototypes: int,
    first_logits: list[float] | None = None,
    zero_coefficients: bool = False,
) -> keras.Model:
    """A `keras.Model` from one level [B, H, W, C] to its three branches, shared by all levels.

    Returns [class_logits [B, H·W·a, C+1], box_deltas [B, H·W·a, 4], mask_coefficients
    [B, H·W·a, K]] with a = `anchors_per_cell`; a channel is anchor · components + component.
    first_logits: the C+1 numbers that the class logits of every anchor start from, else zeros.
    zero_coefficients: whether mask coefficients start from 0, so that prototypes learn only once they are
    asked for something.
    """
    level = keras.Input((None, None, level_channels), name="level")
    x = layers.Conv2D(channels, 3, padding="same", activation="relu", name="shared")(level)
    branches = [
        _branch(x, anchors_per_cell, num_classes + 1, "class_logits"),
        _branch(x, anchors_per_cell, 4, "box_deltas"),
        # tanh lets a detection subtract prototypes as well as add them.
        layers.Activation("tanh", name="mask_coefficients")(
            _branch(x, anchors_per_cell, num_prototypes, "coefficients", starts_at_zero=zero_coefficients)
        ),
    ]
    head = keras.Model(level, branches, name="prediction_head")
    if first_logits:
        head.get_layer("class_logits_conv").bias.assign(anchors_per_cell * first_logits)
    return head


def build_semantic_head(p3_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """A `keras.Model` from P3 to semantic_logits [B, H, W, C]; only the training loss reads it."""
    p3 = keras.Input(p3_shape, name="p3")
    logits = layers.Conv2D(num_classes, 1, dtype="float32", name="semantic_logits")(p3)
    return keras.Model(p3, logits, name="semantic_head")


def rare_object_logits(num_classes: int, score_activation: str) -> list[float]:
    """[C+1] class logits that call an anchor an object (sigmoid: of each class) once in a hundred times.

    For focal losses (RetinaNet §3.3): with few objects among all anchors, an even start would let the
    background decide the first steps. The reference means the same but sets only the background of
    the first anchor of each cell, and spreads objects over the logits of all of its anchors; none of
    its released weights began like that.
    """
    odds = math.log((1 - RARE) / RARE)
    return [odds] + num_classes * [-odds if score_activation == "sigmoid" else -math.log(num_classes)]


def _branch(x, anchors_per_cell, components, name, starts_at_zero=False):
    kernel = "zeros" if starts_at_zero else "glorot_uniform"
    channels = anchors_per_cell * components
    x = layers.Conv2D(channels, 3, padding="same", kernel_initializer=kernel, name=f"{name}_conv")(x)
    return layers.Reshape((-1, components), name=name)(x)
