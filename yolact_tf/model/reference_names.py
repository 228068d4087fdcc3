"""Where each tensor of the original's PyTorch state dict belongs in our model (specification §8).

A variable is named by the sub-model and its path inside it: ("fpn", "lateral_p5/kernel").
"""

import re

_CONV = {"weight": "kernel", "bias": "bias"}
_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}

# (pattern of the original's module name, our sub-model, our layer name); the last part of the key,
# `weight` and so on, follows from the kind of layer. FPN lists run from C5 to C3.
_RULES = [
    (r"backbone\.conv1", "backbone", "stem_conv"),
    (r"backbone\.bn1", "backbone", "stem_bn"),
    (r"backbone\.layers\.(\d+)\.(\d+)\.(conv|bn)(\d)", "backbone", r"stage\1_block\2_\3\4"),
    (r"backbone\.layers\.(\d+)\.(\d+)\.downsample\.0", "backbone", r"stage\1_block\2_shortcut_conv"),
    (r"backbone\.layers\.(\d+)\.(\d+)\.downsample\.1", "backbone", r"stage\1_block\2_shortcut_bn"),
    *[(rf"fpn\.lat_layers\.{i}", "fpn", f"lateral_p{5 - i}") for i in range(3)],
    *[(rf"fpn\.pred_layers\.{i}", "fpn", f"smooth_p{5 - i}") for i in range(3)],
    *[(rf"fpn\.downsample_layers\.{i}", "fpn", f"downsample_p{6 + i}") for i in range(2)],
    *[(rf"proto_net\.{i}", "protonet", f"conv{n}") for n, i in enumerate((0, 2, 4, 8))],
    (r"proto_net\.10", "protonet", "prototypes"),
    (r"prediction_layers\.0\.upfeature\.0", "prediction_head", "shared"),
    (r"prediction_layers\.0\.bbox_layer", "prediction_head", "box_deltas_conv"),
    (r"prediction_layers\.0\.conf_layer", "prediction_head", "class_logits_conv"),
    (r"prediction_layers\.0\.mask_layer", "prediction_head", "coefficients_conv"),
    (r"semantic_seg_conv", "semantic_head", "semantic_logits"),
]


def variable_of(key):
    """(sub-model, path) of the variable that the original calls `key`, or None for one we lack."""
    module, _, leaf = key.rpartition(".")
    for pattern, part, layer in _RULES:
        match = re.fullmatch(pattern, module)
        if match:
            name = match.expand(layer)
            leaves = _NORM if "bn" in name else _CONV
            return (part, f"{name}/{leaves[leaf]}") if leaf in leaves else None
    return None


def to_keras_layout(tensor):
    """A PyTorch convolution kernel [O, I, h, w] as [h, w, I, O]; vectors stay as they are."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor
