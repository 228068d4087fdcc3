import warnings

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.backbones import BACKBONES, build_backbone, mobilenet
from yolact_tf.model.backbones.deformable import DeformableConv2D
from yolact_tf.model.backbones.resnet import normalise


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "size"), [*((name, 70) for name in sorted(BACKBONES)), ("resnet50", 64), ("darknet53", 64)]
)
def test_features_lie_at_strides_8_16_32(name, size):
    backbone = build_backbone(name, size, "random")
    sides = [shape[1] for shape in backbone.output_shape]
    assert sides == pyramid_sizes(size)[:3]


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet50", [512, 1024, 2048]), ("darknet53", [256, 512, 1024])]
)
def test_channels(name, channels):
    assert [shape[-1] for shape in build_backbone(name, 64, "random").output_shape] == channels


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", []),
        ("resnet50_deformable", [(s, b) for s, n in ((1, 4), (2, 6), (3, 3)) for b in range(n)]),
        ("resnet101_deformable", [(1, 0), (1, 3), *((2, b) for b in range(0, 23, 3)), (3, 0)]),
    ],
)
def test_deformable_convolutions_are_where_the_original_has_them(name, expected):
    layers = build_backbone(name, 64, "random").layers
    found = [layer.name for layer in layers if isinstance(layer, DeformableConv2D)]
    assert found == [f"stage{stage}_block{block}_conv2" for stage, block in expected]


def test_group_norm_treats_each_image_alone():
    backbone = build_backbone("resnet101_gn", 64, "random")
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in backbone.layers)
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.GroupNormalization)]
    assert len(norms) == 1 + 33 * 3 + 4 and {norm.groups for norm in norms} == {32}
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    for both, first in zip(backbone(images, training=True), backbone(images[:1]), strict=True):
        assert_allclose(both[:1], first, rtol=1e-3, atol=1e-3)


def test_darknet_sees_pixels_in_0_to_1():
    # 30, 20, 10 over 255, with neither mean nor deviation.
    layer = build_backbone("darknet53", 64, "random").get_layer("normalise")
    pixel = np.asarray(layer(np.array([[[[30, 20, 10]]]], "float32"))).ravel()
    assert_allclose(pixel, [0.117647, 0.078431, 0.039216], atol=1e-6)


def test_a_backbone_without_download_says_where_weights_come_from():
    with pytest.warns(UserWarning, match="resnet50 starts from random weights: .* --weights FILE"):
        build_backbone("resnet50", 64, "imagenet")


def test_normalisation_worked_by_hand():
    # (30 - 123.68) / 58.40, (20 - 116.78) / 57.12, (10 - 103.94) / 57.38 in RGB order.
    image = keras.Input((1, 1, 3))
    model = keras.Model(image, normalise(image))
    pixel = np.array([[[[30, 20, 10]]]], "float32")
    assert_allclose(np.asarray(model(pixel)).ravel(), [-1.604110, -1.694328, -1.637156], atol=1e-5)


def test_stride_two_pads_both_sides():
    """With mirror-symmetric kernels and odd maps, mirrored input gives mirrored features."""
    image = (
        np.random.default_rng(0).uniform(0, 255, (1, 65, 65, 3)).astype("float32")
    )  # 65, 33, 17, 9, 5, 3: always odd
    backbone = build_backbone("resnet50", 65, "random")
    for kernel in (w for w in backbone.weights if len(w.shape) == 4):
        kernel.assign((kernel + kernel[:, ::-1]) / 2)
    for plain, mirrored in zip(backbone(image), backbone(image[:, :, ::-1]), strict=True):
        assert_allclose(mirrored[:, :, ::-1], plain, rtol=1e-3, atol=1e-3)


def test_missing_imagenet_weights_are_said_in_one_line(monkeypatch):
    def no_network(*args, weights, **options):
        if weights == "imagenet":
            raise Exception("URL fetch failure on https://example.org/w.h5: None -- no route")
        return build(*args, weights=weights, **options)

    build = keras.applications.MobileNetV2
    monkeypatch.setattr(keras.applications, "MobileNetV2", no_network)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mobilenet.mobilenet_v2(64, "imagenet")
    lines = [str(w.message) for w in caught if "ImageNet weights" in str(w.message)]
    assert len(lines) == 1
    assert "random weights" in lines[0]
    assert "\n" not in lines[0]
