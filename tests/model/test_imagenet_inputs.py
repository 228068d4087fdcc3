"""What each backbone does to pixels is what its ImageNet weights were trained with."""

import socket

import keras
import numpy as np
import pytest
from keras.applications import mobilenet_v2
from keras.applications.imagenet_utils import preprocess_input

from tests.model.photographs import num_right, photographs
from yolact_tf.model import build_yolact
from yolact_tf.model.backbones import build_backbone
from yolact_tf.recipes import load_config
from yolact_tf.torch_files.state_dict import read_state_dict
from yolact_tf.weights.initial import load_backbone

SIZE = 224
TORCHVISION = "https://download.pytorch.org/models/"


def downloaded(make):
    """What `make()` returns, which downloads it unless it has been. Skips the test where that fails."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)
    try:
        return make()
    except Exception as error:  # Keras raises a bare one
        if "URL fetch failure" not in str(error):
            raise
        pytest.skip(f"needs ImageNet weights from the network: {str(error).splitlines()[0]}")
    finally:
        socket.setdefaulttimeout(before)


@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("mobilenetv2", mobilenet_v2.preprocess_input),
        ("resnet50", lambda pixels: preprocess_input(pixels, mode="torch")),
        ("efficientnet_lite0", lambda pixels: (pixels - 127) / 128),
    ],
)
def test_pixels_are_scaled_as_the_classifier_scales_them(backbone, expected):
    model = build_backbone(backbone, 64, "random")
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    scaled = model.get_layer("normalise")(pixels)
    # The original's mean of green is 116.78; torchvision's, which its ResNets were trained with, 116.28.
    np.testing.assert_allclose(scaled, expected(pixels.copy()), atol=1e-2)


@pytest.mark.whole
def test_mobilenet_knows_animals(shared_data):
    classifier = downloaded(lambda: keras.applications.MobileNetV2((SIZE, SIZE, 3), weights="imagenet"))
    backbone = downloaded(lambda: build_backbone("mobilenetv2", SIZE, "imagenet"))
    c5 = backbone(photographs(shared_data, SIZE))[2]
    top = classifier.layers[-1]
    assert num_right(top(np.asarray(c5).mean((1, 2)))) >= 4


@pytest.mark.whole
@pytest.mark.parametrize("file", ["resnet50-19c8e357.pth", "resnet101-5d3b4d8f.pth"])
def test_resnets_of_torchvision_know_animals(file, shared_data):
    path = downloaded(lambda: keras.utils.get_file(origin=TORCHVISION + file))
    name = file.partition("-")[0]
    settings = [f"data.image_size={SIZE}", f"model.backbone={name}"]
    model = build_yolact(load_config("tiny_256", settings))
    load_backbone(model, path, name)
    c5 = np.asarray(model.get_layer("backbone")(photographs(shared_data, SIZE))[2])
    top = read_state_dict(path)
    assert num_right(c5.mean((1, 2)) @ top["fc.weight"].T + top["fc.bias"]) >= 4
