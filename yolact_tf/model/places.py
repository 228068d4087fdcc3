"""Where layers are: their paths from the model down, and the stages of the backbone they belong to."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

import keras

BACKBONE = "backbone"
STAGES = 5  # of every backbone: the last has a stride of 32


class Place(NamedTuple):
    """Of a layer and of its variables."""

    path: str  # "fpn/lateral_p5"
    stage: int | None = None  # of the backbone, 1..5: n has a stride of 2ⁿ

    def is_in(self, name: str) -> bool:
        """Whether it is the layer `name`, or within it, or in the first N stages for "backbone:N"."""
        part, colon, last = name.partition(":")
        if colon:
            return (
                part == BACKBONE and self.stage is not None and last.isdecimal() and self.stage <= int(last)
            )
        return self.path == name or self.path.startswith(f"{name}/")


def places(model: keras.Model) -> Iterator[tuple[Place, keras.Layer]]:
    """The layers of a model and of the models within it, outer ones first."""
    layers = dict(_all_layers(model))
    stages = _stages(layers, model.inputs[0].shape[1])
    for path, layer in layers.items():
        yield Place(path, stages.get(path)), layer


def weighted_layers(model: keras.Model) -> dict[str, keras.Layer]:
    """The layers of a model that have weights of their own, by path.

    Which finds those of a copy that computes otherwise, and so may list them in another order or lack some.
    """
    return {
        path: layer
        for path, layer in _all_layers(model)
        if layer.weights and not isinstance(layer, keras.Model)
    }


def place_of(variable: keras.Variable) -> Place:
    """That of the innermost layer, for a variable of a Yolact; nowhere for any other."""
    return getattr(variable, "place", Place(""))


def tell_variables(model: keras.Model) -> None:
    """Has the variables of `model` know their places, for whoever sees them without the model."""
    for place, layer in places(model):
        for variable in layer.variables:
            variable.place = place


def _all_layers(model, prefix=""):
    for layer in model.layers:
        yield prefix + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer, f"{prefix}{layer.name}/")


def _stages(layers, image_size):
    """{path: stage} of the layers of the backbone that have variables, by their strides.

    A block is whole: what it does before its stride belongs to the stage that it ends in.
    """
    stages, of_block = {}, {}
    for path, layer in layers.items():
        if path.startswith(f"{BACKBONE}/") and layer.variables and not isinstance(layer, keras.Model):
            stride = image_size / layer.output.shape[1]
            stages[path] = max(round(math.log2(stride)), 1)
            # Squeeze-and-excitation answers one pixel, and belongs to the stage of its block.
            if stages[path] <= STAGES:
                of_block[_block(path)] = max(stages[path], of_block.get(_block(path), 0))
    return {path: of_block.get(_block(path), min(stage, STAGES)) for path, stage in stages.items()}


def _block(path):
    """`backbone/stage1_block0` of all its layers; any other layer is a block of its own."""
    match = re.match(r".*block_?\d+", path)
    return match[0] if match else path
