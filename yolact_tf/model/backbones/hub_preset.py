"""Convolutional backbones of KerasHub: a preset's feature maps, its weights, and how it wants pixels."""

import difflib
import json
import warnings
from pathlib import Path
from typing import Any

import keras
from keras import layers

from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.batch_norm import with_own_batch_norm

PREFIX = "keras_hub:"  # of a backbone's name; behind it is what `from_preset` takes


def is_preset(name: str) -> bool:
    """Whether a backbone is KerasHub's."""
    return name.startswith(PREFIX)


def folder_of(name: str) -> Path | None:
    """The folder that a backbone of KerasHub lies in, or None for any other. `~` is the home folder."""
    preset = name.removeprefix(PREFIX)
    try:
        folder = Path(preset).expanduser()
    except RuntimeError:  # the home of nobody
        return None
    return folder if is_preset(name) and preset and folder.is_dir() else None


def describe_preset(name: str) -> str:
    """JSON that `hub_preset` makes the layers of a preset from without asking for it again."""
    hub = _keras_hub(name)
    network = _read(name, hub.models.FeaturePyramidBackbone, load_weights=False)
    converter = _read(name, hub.layers.ImageConverter)
    described = keras.saving.serialize_keras_object(network)
    described["config"].pop("dtype", None)  # that of the training decides
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return json.dumps({"network": described, "scale": scale, "offset": offset}, default=float)


def hub_preset(name: str, image_size: int, weights: str, description: str = "") -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3, C4, C5 of a preset.

    name: "keras_hub:" and a preset: `resnet_18_imagenet`, a handle of Kaggle or Hugging Face, or a folder.
    weights: "imagenet" takes those of the preset, whatever they were trained on.
    description: what `describe_preset` says of it, which is asked for where it is missing.
    ImportError where KerasHub is not installed, ValueError where a preset cannot be read, is not of plain
    layers, or lacks maps of these strides; each in one line.
    """
    hub = _keras_hub(name)
    described = json.loads(description or describe_preset(name))
    network = keras.saving.deserialize_keras_object(described["network"])
    if weights == "imagenet":
        trained = _read(name, hub.models.FeaturePyramidBackbone)
        network.set_weights(trained.get_weights())
    _require_plain_layers(network, name)
    image = keras.Input((image_size, image_size, 3), name="image")
    pyramid = keras.Model(network.inputs[0], _maps(network, image_size, name), name="preset")
    pyramid = with_own_batch_norm(pyramid, keras.Input(image.shape[1:]))
    scaled = layers.Rescaling(described["scale"], described["offset"], name="normalise")(image)
    return keras.Model(image, pyramid(scaled), name="backbone")


def _keras_hub(name: str) -> Any:
    try:
        import keras_hub
    except ImportError:
        raise ImportError(f"`model.backbone` {name} needs KerasHub: pip install 'yolact_tf[hub]'") from None
    return keras_hub


def _read(name, kind, **options):
    """What KerasHub makes of a preset. ValueError in one line, which tells where to look."""
    preset, folder = name.removeprefix(PREFIX), folder_of(name)
    try:
        with warnings.catch_warnings():
            # Keras warns of every weight that does not fit before it raises.
            warnings.simplefilter("ignore")
            return kind.from_preset(str(folder or preset), **options)
    except Exception as error:  # of KerasHub, Keras, requests, Kaggle, Hugging Face or TensorFlow
        reason = next(iter(str(error).splitlines()), "").partition(". ")[0] or type(error).__name__
        near = [] if folder else difflib.get_close_matches(preset.lower(), kind.presets, n=3)
        hint = f" Nearest: {', '.join(near)}" if near and preset not in near else ""
        raise ValueError(
            f"{name}: expected a preset of KerasHub with feature maps and an image converter, within reach. "
            f"Received: {reason}.{hint}"
        ) from error


def _require_plain_layers(network, name):
    """Layers made of others hide what is frozen, folded, counted and computed in halves a layer at a time."""
    for layer in network.layers:
        if list(layer._flatten_layers(include_self=False)):
            raise ValueError(
                f"{name}: expected a backbone of plain layers. "
                f"Received: {layer.name}, a {type(layer).__name__} that is made of others"
            )


def _maps(network, image_size, name):
    """Those of strides 8, 16 and 32. KerasHub's names do not tell: P3 of a CSPDarkNet has a stride of 4."""
    maps = network.pyramid_outputs
    every = keras.Model(network.inputs[0], list(maps.values()))
    shapes = every.compute_output_shape((1, image_size, image_size, 3))
    by_sides = {tuple(shape[1:-1]): output for shape, output in zip(shapes, maps.values(), strict=True)}
    expected = [(side, side) for side in pyramid_sizes(image_size)[:3]]
    if not set(expected) <= set(by_sides):
        hint = "; some presets need a multiple of 32 as `data.image_size`" if image_size % 32 else ""
        raise ValueError(f"{name}: expected maps of {expected}{hint}. Received: {list(by_sides)}")
    return [by_sides[sides] for sides in expected]
