"""The network against the original's, from weights that both compute by formula."""

import json

import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose

from tests.reference import FORWARDS, assert_predictions_equal, close, first_alone, formula_run
from yolact_tf.anchors import build_anchors
from yolact_tf.boxes import centers_to_corners
from yolact_tf.recipes import load_config
from yolact_tf.weights.published import RECIPE_OF


@pytest.fixture(scope="module", params=first_alone(FORWARDS))
def forward(request, parity):
    """(the model with weights by formula, the fixture)."""
    numbers = parity(f"forward_{request.param}")
    return formula_run(request.param).model, numbers


def test_predictions_equal_the_reference(forward):
    model, numbers = forward
    assert_predictions_equal(model(numbers["image_rgb"][None]), numbers)


def test_network_input_equals_the_reference(forward):
    import keras

    model, numbers = forward
    backbone = model.get_layer("backbone")
    normalise = keras.Model(backbone.input, backbone.get_layer("normalise").output)
    ours = np.asarray(normalise(numbers["image_rgb"][None].astype("float32")))[0].transpose(2, 0, 1)
    close(ours[:, ::11, ::11], numbers["input_sub"], "input")


def test_pyramid_levels_equal_the_reference(forward):
    model, numbers = forward
    features = model.get_layer("backbone")(numbers["image_rgb"][None].astype("float32"))
    levels = model.get_layer("fpn")(features)
    strides = json.loads(str(numbers["meta"]))["strides"]
    for name, level in zip(("P3", "P4", "P5", "P6", "P7"), levels, strict=True):
        _, channels, rows, columns = strides[name]
        ours = ops.convert_to_numpy(level)[0].transpose(2, 0, 1)
        close(ours[::channels, ::rows, ::columns], numbers[f"{name}_sub"], name)
        close(ours.mean((1, 2)), numbers[f"{name}_channel_mean"], f"{name}'s means")


@pytest.mark.parametrize("reference", sorted(RECIPE_OF))
def test_anchors_equal_the_reference(parity, reference):
    config = load_config(RECIPE_OF[reference])
    ours = build_anchors(**config.anchor_settings)
    expected = np.asarray(centers_to_corners(parity("priors")[reference]))
    assert_allclose(ours, expected, rtol=0, atol=1e-6)


def test_mask_rescorer_equals_the_reference(parity):
    numbers = parity("detect_plus")
    rescorer = formula_run("yolact_plus_resnet50").model.mask_rescorer
    masks = numbers["maskiou/in"].transpose(0, 2, 3, 1)
    assert_allclose(rescorer(masks), numbers["maskiou/out"], rtol=0, atol=1e-5)
