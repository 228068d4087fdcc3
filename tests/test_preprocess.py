import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.model.backbones import build_backbone
from yolact_tf.preprocess import resize_images

CONFIGURATIONS = {
    "yolact_resnet50": ("resnet50", 550),
    "yolact_darknet53": ("darknet53", 550),
    "yolact_im400": ("resnet101", 400),
    "yolact_im700": ("resnet101", 700),
}


def network_input(image, name, size):
    """What the first convolution sees of a uint8 RGB image, channels first."""
    backbone = build_backbone(name, size, "random")
    normalise = keras.Model(backbone.input, backbone.get_layer("normalise").output)
    return np.asarray(normalise(resize_images(image[None], size)))[0].transpose(2, 0, 1)


@pytest.mark.parametrize("reference", CONFIGURATIONS)
def test_preprocessing_equals_the_reference(parity, reference):
    numbers = parity("preprocess")
    ours = network_input(numbers["image_rgb"], *CONFIGURATIONS[reference])
    ends = [0, 1, 2, -3, -2, -1]
    # The original computes sampling positions in float32; its other path, through OpenCV, is closer.
    for path, tolerance in (("fast", 3e-4), ("base", 1e-4)):
        stored = {name: numbers[f"{reference}/{path}_{name}"] for name in ("sub5", "rows", "cols")}
        assert_allclose(ours[:, ::5, ::5], stored["sub5"], rtol=0, atol=tolerance)
        assert_allclose(ours[:, ends], stored["rows"], rtol=0, atol=tolerance)
        assert_allclose(ours[:, :, ends], stored["cols"], rtol=0, atol=tolerance)
    if f"{reference}/fast_full" in numbers:
        assert_allclose(ours, numbers[f"{reference}/fast_full"], rtol=0, atol=3e-4)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        (18, 35, [0, 0.271429, 0.785714, 1.3, 1.814286]),
        (550, 138, [1.492754, 5.478261, 9.463768]),
    ],
)
def test_sampling_positions_worked_by_hand(count, size, expected):
    # Half-pixel centres: (i + .5) · count / size - .5, not below 0. A ramp shows its own positions.
    ramp = np.broadcast_to(np.arange(count, dtype="float32")[:, None, None], (count, count, 3))[None]
    resized = np.asarray(resize_images(ramp, size))
    assert_allclose(resized[0, : len(expected), 0, 0], expected, atol=1e-4)


def test_an_image_of_the_right_size_stays():
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), "uint8")
    assert_array_equal(resize_images(image, 32), image)
