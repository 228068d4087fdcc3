"""The original's weight files into a model: complete networks, and backbones trained on ImageNet."""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolact_tf.files import PathLike
from yolact_tf.model.backbones.efficientnet_lite import STEM_KEY, fill
from yolact_tf.torch_files.state_dict import read_state_dict
from yolact_tf.weights.reference_names import reference_key, reference_shape, to_keras_layout
from yolact_tf.weights.transfer import Slot, Transfer, class_keys, named_variables, transfer

if TYPE_CHECKING:
    from yolact_tf.model import Yolact

logger = logging.getLogger(__name__)

# The original's configurations, which its weight files are named after, and our recipes for them.
RECIPE_OF = {
    "yolact_base": "resnet101_550",
    "yolact_im400": "resnet101_400",
    "yolact_im700": "resnet101_700",
    "yolact_darknet53": "darknet53_550",
    "yolact_resnet50": "resnet50_550",
    "yolact_resnet50_pascal": "resnet50_550_pascal",
    "yolact_plus_base": "plus_resnet101_550",
    "yolact_plus_resnet50": "plus_resnet50_550",
}
ORIGINAL_BACKBONES = "ResNet-50, ResNet-101, DarkNet-53"
NUM_EXTRA_LEVELS = 2  # P6 and P7


def read_reference(path: PathLike) -> dict[str, np.ndarray]:
    """{key: array} of a PyTorch or safetensors file, keys as the current original names them.

    A file with a backbone alone gets the prefix `backbone.`, and loses its classifier.
    """
    tensors = {key: value for key, value in read_state_dict(path).items() if not _is_left_out(key)}
    if is_backbone(tensors):
        return {
            "backbone." + re.sub(r"^layer(\d)", lambda m: f"layers.{int(m[1]) - 1}", key): value
            for key, value in tensors.items()
            if not key.startswith(("fc.", "_fc.", "_conv_head.", "_bn1."))
        }
    return tensors


def is_backbone(tensors: Iterable[str]) -> bool:
    """Whether keys are those of a backbone alone, of which `load_reference` says whose files it knows."""
    return not any(key.startswith(("backbone.", "fpn.", "prediction_layers.")) for key in tensors)


def load_reference(
    model: "Yolact",
    tensors: Mapping[str, np.ndarray],
    origin: PathLike,
    same_classes: bool | None = None,
) -> Transfer:
    """Fills `model` from the original's `tensors` and returns the Transfer.

    Every key is used or known to be superfluous; ValueError lists the first that are neither. Of a
    backbone alone only the backbone is filled: of torchvision's ResNet, the original's DarkNet, or
    EfficientNet-Lite0.  same_classes: None demands that all fits; else layers that depend on the classes
    may start afresh, and do so without a look where it is False.
    """
    if all(key.startswith("backbone.") for key in tensors):
        return _load_backbone(model, tensors, origin)
    slots = reference_slots(model)
    fresh = set() if same_classes is None else class_keys(slots, tensors, same_classes)
    return transfer(tensors, slots, origin, fresh=fresh, to_layout=to_keras_layout)


def _load_backbone(model, tensors, origin):
    if f"backbone.{STEM_KEY}" in tensors:
        filled = _fill_efficientnet(model.get_layer("backbone"), tensors, origin)
    else:
        slots = reference_slots(model, "backbone")
        optional = {key for key in slots if key not in tensors and _is_optional(key)}
        filled = transfer(tensors, slots, origin, fresh=optional, to_layout=to_keras_layout)
    others = ["/".join(slot) for slot in named_variables(model) if slot[0] != "backbone"]
    fresh = dict.fromkeys([*filled.fresh, *(path.rpartition("/")[0] for path in others)])
    return Transfer(filled.loaded, tuple(fresh))


def _fill_efficientnet(backbone, tensors, origin):
    try:
        fill(backbone, {key.removeprefix("backbone."): value for key, value in tensors.items()})
    except ValueError as error:
        raise ValueError(
            f"{origin}: weights of EfficientNet-Lite0 do not fit the backbone of the recipe: {error}"
        ) from None
    return Transfer(len(backbone.variables), ())


def reference_slots(model: "Yolact", of_part: str | None = None) -> dict[str, Slot]:
    """{the original's key: Slot} for all of `model`, or for the sub-model `of_part`; ValueError where the
    original has no such network."""
    slots = {}
    for (part, path), variable in named_variables(model).items():
        if of_part not in (None, part):
            continue
        key = reference_key(part, path)
        if key is None:
            known = ORIGINAL_BACKBONES if of_part else ", ".join(sorted(RECIPE_OF.values()))
            raise ValueError(
                f"The {of_part or 'recipe'} must be one of the original's: {known}. "
                f"Received: {model.name}, whose {part}/{path} the original lacks"
            )
        slots[key] = Slot(part, path, variable, reference_shape(tuple(variable.shape)))
    return slots


def warn_of_other_recipe(path: PathLike, recipe: str) -> None:
    """Warns where a file's name says that it belongs to another of our recipes.

    Image size and anchors leave no trace in a state dict, so that a wrong recipe may fit.
    """
    match = re.fullmatch(r"(yolact_\w+?)_\d+_\d+(_interrupt)?", Path(path).stem)
    expected = RECIPE_OF.get(match[1]) if match else None
    if expected and expected != recipe:
        logger.warning("%s is named after %s; received the recipe %s", path, expected, recipe)


def _is_left_out(key):
    """Counters, and what very old checkpoints hold twice or never used (specification §8.2)."""
    if key.endswith("num_batches_tracked"):
        return True
    if key.startswith("backbone.layer") and not key.startswith("backbone.layers"):
        return True
    extra_level = re.match(r"fpn\.downsample_layers\.(\d+)\.", key)
    return bool(extra_level) and int(extra_level[1]) >= NUM_EXTRA_LEVELS


def _is_optional(key):
    """What a backbone trained on ImageNet need not hold: deformable offsets."""
    return "conv_offset_mask" in key or key.endswith("conv2.bias")
