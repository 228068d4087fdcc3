"""Convolutional backbones of KerasHub: a preset's feature maps, its weights, and how it wants pixels."""

from typing import Any

import keras
from keras import layers

from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.batch_norm import with_own_batch_norm

PREFIX = "keras_hub:"  # of a backbone's name; behind it is what `from_preset` takes


def hub_preset(preset: str, image_size: int, weights: str) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3, C4, C5 of a preset.

    preset: a name such as `resnet_18_imagenet`, a handle of Kaggle or Hugging Face, or a folder.
    weights: "imagenet" takes those of the preset, whatever they were trained on; else only its layers are
    asked for, and its image converter, which tells how it wants pixels.
    ImportError where KerasHub is not installed, OSError where a preset cannot be read, ValueError for one
    without such maps; each in one line.
    """
    network, converter = _open(preset, weights == "imagenet")
    image = keras.Input((image_size, image_size, 3), name="image")
    pyramid = keras.Model(network.inputs[0], _maps(network, image_size, preset), name="preset")
    try:
        pyramid = with_own_batch_norm(pyramid, keras.Input(image.shape[1:]))
    except TypeError as error:  # of layers that their own description does not make again
        reason = str(error).partition("\n")[0].partition(" using ")[0]
        raise ValueError(f"{PREFIX}{preset}: its layers cannot be copied. Received: {reason}") from None
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    scaled = layers.Rescaling(scale, offset, name="normalise")(image)
    return keras.Model(image, pyramid(scaled), name="backbone")


def _maps(network, image_size, preset):
    """Those of strides 8, 16 and 32. KerasHub's names do not tell: P3 of a CSPDarkNet has a stride of 4."""
    maps = network.pyramid_outputs
    every = keras.Model(network.inputs[0], list(maps.values()))
    shapes = every.compute_output_shape((1, image_size, image_size, 3))
    by_sides = {tuple(shape[1:-1]): output for shape, output in zip(shapes, maps.values(), strict=True)}
    expected = [(side, side) for side in pyramid_sizes(image_size)[:3]]
    if not set(expected) <= set(by_sides):
        hint = "; some presets need a multiple of 32 as `data.image_size`" if image_size % 32 else ""
        raise ValueError(f"{PREFIX}{preset}: expected maps of {expected}{hint}. Received: {list(by_sides)}")
    return [by_sides[sides] for sides in expected]


def _open(preset: str, load_weights: bool) -> tuple[Any, Any]:
    """(backbone, image converter) of a preset."""
    try:
        import keras_hub
    except ImportError:
        raise ImportError(
            f"`model.backbone` {PREFIX}{preset} needs KerasHub: pip install 'yolact_tf[hub]'"
        ) from None
    try:
        # The converter first: a preset of another kind is refused before its weights are fetched.
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
        kind = keras_hub.models.FeaturePyramidBackbone
        return kind.from_preset(preset, load_weights=load_weights), converter
    except OSError as error:  # of requests and of Hugging Face's client, too
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise OSError(f"{PREFIX}{preset} could not be read: {reason}") from None
    except ValueError as error:
        reason = str(error).partition("\n")[0].partition(". ")[0]
        raise ValueError(
            f"{PREFIX}{preset}: expected a preset of KerasHub with pyramid outputs. Received: {reason}"
        ) from None
