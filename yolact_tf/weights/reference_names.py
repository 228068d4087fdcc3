"""What the original's PyTorch state dict calls each of our variables (specification §8).

A variable is named by its sub-model and its path inside it: ("fpn", "lateral_p5/kernel").
"""

import re

import numpy as np

_LEAVES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}

# (our sub-model, pattern of our layer name, the original's module); FPN lists run from C5 to C3.
_RULES = [
    ("backbone", r"stem_conv", "backbone.conv1"),
    ("backbone", r"stem_norm", "backbone.bn1"),
    ("backbone", r"stage(\d+)_block(\d+)_conv(\d)", r"backbone.layers.\1.\2.conv\3"),
    ("backbone", r"stage(\d+)_block(\d+)_norm(\d)", r"backbone.layers.\1.\2.bn\3"),
    ("backbone", r"stage(\d+)_block(\d+)_shortcut_conv", r"backbone.layers.\1.\2.downsample.0"),
    ("backbone", r"stage(\d+)_block(\d+)_shortcut_norm", r"backbone.layers.\1.\2.downsample.1"),
    (
        "backbone",
        r"stage(\d+)_block(\d+)_conv2/offset_modulation",
        r"backbone.layers.\1.\2.conv2.conv_offset_mask",
    ),
    # DarkNet-53
    ("backbone", r"entry_conv", "backbone._preconv.0"),
    ("backbone", r"entry_norm", "backbone._preconv.1"),
    ("backbone", r"stage(\d+)_down_conv", r"backbone.layers.\1.0.0"),
    ("backbone", r"stage(\d+)_down_norm", r"backbone.layers.\1.0.1"),
    ("backbone", r"stage(\d+)_block(\d+)_(\d)_conv", r"backbone.layers.\1.\2.conv\3.0"),
    ("backbone", r"stage(\d+)_block(\d+)_(\d)_norm", r"backbone.layers.\1.\2.conv\3.1"),
    *[("fpn", f"lateral_p{5 - i}", f"fpn.lat_layers.{i}") for i in range(3)],
    *[("fpn", f"smooth_p{5 - i}", f"fpn.pred_layers.{i}") for i in range(3)],
    *[("fpn", f"downsample_p{6 + i}", f"fpn.downsample_layers.{i}") for i in range(2)],
    *[("protonet", f"conv{n}", f"proto_net.{i}") for n, i in enumerate((0, 2, 4, 8))],
    ("protonet", "prototypes", "proto_net.10"),
    ("protonet", r"(from_p\d)", r"proto_net.\1"),  # ours alone
    ("prediction_head", "shared", "prediction_layers.0.upfeature.0"),
    ("prediction_head", "box_deltas_conv", "prediction_layers.0.bbox_layer"),
    ("prediction_head", "class_logits_conv", "prediction_layers.0.conf_layer"),
    ("prediction_head", "coefficients_conv", "prediction_layers.0.mask_layer"),
    ("semantic_head", "semantic_logits", "semantic_seg_conv"),
    *[("mask_rescorer", f"conv{i}", f"maskiou_net.maskiou_net.{2 * i}") for i in range(6)],
]


def reference_key(part: str, path: str) -> str | None:
    """The state-dict key of the variable at `path` of sub-model `part`, or None where the original
    has no such thing."""
    layer, _, leaf = path.rpartition("/")
    for of_part, pattern, module in _RULES:
        match = re.fullmatch(pattern, layer) if part == of_part else None
        if match and leaf in _LEAVES:
            return f"{match.expand(module)}.{_LEAVES[leaf]}"
    return None


def reference_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """PyTorch's shape [O, I, h, w] of a Keras kernel [h, w, I, O]; vectors stay as they are."""
    return (shape[3], shape[2], shape[0], shape[1]) if len(shape) == 4 else tuple(shape)


def to_keras_layout(tensor: np.ndarray) -> np.ndarray:
    """A PyTorch convolution kernel [O, I, h, w] as [h, w, I, O]; vectors stay as they are."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
