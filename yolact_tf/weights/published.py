"""The original's weight files into a model: complete networks, and backbones trained on ImageNet."""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolact_tf.files import PathLike
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
            if not key.startswith("fc.")
        }
    return tensors


def is_backbone(tensors: Iterable[str]) -> bool:
    """Whether keys are those of a backbone alone: of torchvision's ResNet or the original's DarkNet."""
    return not any(key.startswith(("backbone.", "fpn.", "prediction_layers.")) for key in tensors)


def load_reference(
    model: "Yolact",
    tensors: Mapping[str, np.ndarray],
    origin: PathLike,
    same_classes: bool | None = None,
) -> Transfer:
    """Fills `model` from the original's `tensors` and returns the Transfer.

    Every key is used or known to be superfluous; ValueError lists the first that are neither. Of a
    backbone alone only the backbone is filled.  same_classes: None demands that all fits; else layers
    that depend on the classes may start afresh, and do so without a look where it is False.
    """
    slots = reference_slots(model)
    if all(key.startswith("backbone.") for key in tensors):
        fresh = {key for key in slots if key not in tensors and _is_optional(key)}
    elif same_classes is None:
        fresh = set()
    else:
        fresh = class_keys(slots, tensors, same_classes)
    return transfer(tensors, slots, origin, fresh=fresh, to_layout=to_keras_layout)


def reference_slots(model: "Yolact") -> dict[str, Slot]:
    """{the original's key: Slot} for all of `model`; ValueError where the original has no such network."""
    slots = {}
    for (part, path), variable in named_variables(model).items():
        key = reference_key(part, path)
        if key is None:
            raise ValueError(
                f"The recipe must be one of the original's: {', '.join(sorted(RECIPE_OF.values()))}. "
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
    """What a backbone trained on ImageNet need not hold: all beyond it, and deformable offsets."""
    return not key.startswith("backbone.") or "conv_offset_mask" in key or key.endswith("conv2.bias")
