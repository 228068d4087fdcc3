"""What a network is made of: its layers, parameters and multiply-adds by part.

A multiply-add is one product that is added to a sum; FLOPs are twice as many. Counted are those of
convolutions, at inference, of one image; normalisation, activations, resizing, bilinear reading and NMS,
some hundredths of all, are not.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import keras

from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model import Yolact

# Name of a part -> the layer of `Yolact` that it is.
PARTS = {
    "backbone": "backbone",
    "FPN": "fpn",
    "protonet": "protonet",
    "head": "prediction_head",
    "semantic head": "semantic_head",
}
_NOTES = {"head": "shared by P3..P7", "semantic head": "for training alone, not counted in all"}


@dataclass(frozen=True)
class LayerInfo:
    """One layer."""

    name: str
    kind: str  # the Keras class
    output: tuple[int | None, ...]  # its shape without the batch; of a head's layers sides are None
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Part:
    """One part of a network."""

    name: str
    layers: tuple[LayerInfo, ...]
    note: str = ""  # what else is known, in a few words
    only_trains: bool = False  # whether inference leaves it out

    @property
    def parameters(self) -> int:
        """Numbers that training learns; running averages of batch norm are not among them."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Those of one image."""
        return sum(layer.multiply_adds for layer in self.layers)


def parts_of(model: Yolact, max_detections: int) -> list[Part]:
    """The Parts of a model, in the order of computation; `max_detections` masks are assembled, and of a
    YOLACT++ rescored."""
    image_size = model.input_shape[1]
    positions = sum(side * side for side in pyramid_sizes(image_size))
    parts = []
    for name, layer_name in PARTS.items():
        layers = _layers(model.get_layer(layer_name), positions)
        parts.append(Part(name, tuple(layers), _NOTES.get(name, ""), name == "semantic head"))
    prototypes = model.get_layer("prototypes").output.shape[1:]
    per_mask = math.prod(prototypes)
    masks = LayerInfo("masks", "", (max_detections, *prototypes[:2]), 0, max_detections * per_mask)
    parts.append(Part("masks", (masks,), f"prototypes times coefficients, {max_detections} detections"))
    if model.mask_rescorer is not None:
        layers = _layers(model.mask_rescorer, 1, max_detections)
        parts.append(Part("mask rescorer", tuple(layers), f"for each of {max_detections} detections"))
    return parts


def _layers(part: keras.Model, free_positions: int, times: int = 1) -> Iterator[LayerInfo]:
    """The LayerInfo of each layer that a part computes.

    free_positions: at how many places layers without a fixed size stand.  times: how often an image asks.
    """
    for layer in part.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer, free_positions, times)
        elif not isinstance(layer, keras.layers.InputLayer):
            shape = tuple(layer.output.shape[1:])
            positions = free_positions if None in shape[:-1] else math.prod(shape[:-1])
            # Every weight of a kernel takes part once at every place of the output.
            kernels = sum(math.prod(w.shape) for w in layer.weights if len(w.shape) > 1)
            count = times * positions * kernels
            parameters = sum(math.prod(w.shape) for w in layer.trainable_weights)
            yield LayerInfo(layer.name, type(layer).__name__, shape, parameters, count)
