"""The network against the original's, from weights that both compute by formula."""

import importlib.util
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.boxes import centers_to_corners
from yolact_tf.model import build_yolact
from yolact_tf.model.reference_names import to_keras_layout, variable_of
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained

from ..conftest import SHARED

MODELS = [("resnet50_550", "yolact_resnet50")]


def fill_by_formula(model, reference):
    """Gives `model` the weights that the fixtures were computed with; returns the keys left over."""
    spec = importlib.util.spec_from_file_location("formula", SHARED / "parity" / "weights.py")
    formula = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(formula)
    variables = {(part.name, v.path): v for part in model.layers for v in part.weights}
    keys = json.loads((SHARED / "parity" / "keys" / f"{reference}.json").read_text())["keys"]
    unused = []
    for key, shape in keys:
        target = variable_of(key)
        if target is None:
            unused.append(key)
        else:
            variables.pop(target).assign(to_keras_layout(formula.weights_for(key, shape)))
    assert not variables, f"not in the original: {sorted(variables)[:4]}"
    return unused


@pytest.fixture(scope="module", params=MODELS, ids=lambda names: names[0])
def forward(request, parity):
    """(predictions on the fixture's image, the fixture, the model)."""
    recipe, reference = request.param
    numbers = parity(f"forward_{reference}")
    model = build_yolact(untrained(load_config(recipe)))
    unused = fill_by_formula(model, reference)
    assert all(key.endswith("num_batches_tracked") for key in unused)
    predictions = {k: np.asarray(v) for k, v in model(numbers["image_rgb"][None]).items()}
    return predictions, numbers, model


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("class_logits", "conf_logits"), ("box_deltas", "loc"), ("mask_coefficients", "mask")],
)
def test_heads_equal_the_reference(forward, ours, theirs):
    predictions, numbers, _ = forward
    rows = predictions[ours][0, numbers["prior_index"]]
    assert_allclose(rows, numbers[theirs], atol=1e-4 * np.abs(numbers[theirs]).max())


def test_prototypes_equal_the_reference(forward):
    predictions, numbers, _ = forward
    _, rows, columns, channels = json.loads(str(numbers["meta"]))["strides"]["proto"]
    ours = predictions["prototypes"][0]
    expected = numbers["proto_sub"]
    assert_allclose(ours[::rows, ::columns, ::channels], expected, atol=1e-4 * expected.max())
    assert_allclose(ours.mean((0, 1)), numbers["proto_channel_mean"], atol=1e-4)


def test_semantic_logits_equal_the_reference(forward):
    predictions, numbers, _ = forward
    ours = predictions["semantic_logits"][0].transpose(2, 0, 1)
    _, channels, rows, columns = json.loads(str(numbers["meta"]))["strides"]["segm"]
    expected = numbers["segm_sub"]
    assert_allclose(ours[::channels, ::rows, ::columns], expected, atol=1e-4 * np.abs(expected).max())


def test_anchors_equal_the_reference(forward):
    _, numbers, model = forward
    expected = np.asarray(centers_to_corners(numbers["priors"]))
    assert_allclose(model.anchors[numbers["prior_index"]], expected, atol=1e-6)


def test_pyramid_levels_equal_the_reference(forward):
    import keras

    _, numbers, model = forward
    fpn = model.get_layer("fpn")
    features = model.get_layer("backbone")(numbers["image_rgb"][None].astype("float32"))
    levels = fpn(features)
    strides = json.loads(str(numbers["meta"]))["strides"]
    for name, level in zip(("P3", "P4", "P5", "P6", "P7"), levels, strict=True):
        _, channels, rows, columns = strides[name]
        ours = keras.ops.convert_to_numpy(level)[0].transpose(2, 0, 1)
        expected = numbers[f"{name}_sub"]
        tolerance = 1e-4 * np.abs(expected).max()
        assert_allclose(ours[::channels, ::rows, ::columns], expected, atol=tolerance, err_msg=name)
