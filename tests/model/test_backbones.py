import warnings

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.backbones import BACKBONES, build_backbone, mobilenet
from yolact_tf.model.backbones.resnet import normalise


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - {"resnet101"}))
@pytest.mark.parametrize("size", [64, 70])
def test_features_lie_at_strides_8_16_32(name, size):
    backbone = build_backbone(name, size, "random")
    sides = [shape[1] for shape in backbone.output_shape]
    assert sides == pyramid_sizes(size)[:3]


def test_resnet_channels():
    assert [s[-1] for s in build_backbone("resnet50", 64, "random").output_shape] == [512, 1024, 2048]


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
