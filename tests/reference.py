"""Our models with the weights that the original's fixtures were computed from, and how to compare."""

import functools
import importlib.util
import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.conftest import SHARED
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.runs import Run, untrained
from yolact_tf.weights.labels import published_labels
from yolact_tf.weights.published import RECIPE_OF, load_reference

# The configurations that have a fixture of the network; the first two also have one of a whole image.
FORWARDS = ("yolact_resnet50", "yolact_plus_resnet50", "yolact_darknet53", "yolact_im400")
WHOLE_IMAGES = FORWARDS[:2]
# Our outputs of a row an anchor, and what the fixtures call them.
ROWS = {"class_logits": "conf_logits", "box_deltas": "loc", "mask_coefficients": "mask"}


def first_alone(names):
    """Parameters of which `make test` takes the first, and the whole suite all."""
    first, *others = names
    return [first, *(pytest.param(name, marks=pytest.mark.whole) for name in others)]


def formula_tensors(reference):
    """{key: array in PyTorch's layout} of a configuration of the original, counters left out."""
    keys = json.loads((SHARED / "parity" / "keys" / f"{reference}.json").read_text())["keys"]
    weights_for = _formula().weights_for
    return {key: weights_for(key, shape) for key, shape in keys if not key.endswith("num_batches_tracked")}


@functools.cache
def formula_run(reference):
    """A Run of our recipe for a configuration of the original, with weights by formula."""
    config = untrained(load_config(RECIPE_OF[reference]))
    model = build_yolact(config)
    load_reference(model, formula_tensors(reference), "formula")
    return Run(model, config, published_labels(config.model.num_classes))


def assert_predictions_equal(predictions, numbers):
    """Holds Predictions of one image against a forward fixture: 1e-4 of each tensor's largest value."""
    ours = {name: np.asarray(value)[0] for name, value in predictions.items()}
    strides = json.loads(str(numbers["meta"]))["strides"]
    for name, theirs in ROWS.items():
        close(ours[name][numbers["prior_index"]], numbers[theirs], name)
        _assert_checksum(ours[name], numbers[f"checksum_{theirs}"], name)
    _, y, x, c = strides["proto"]
    close(ours["prototypes"][::y, ::x, ::c], numbers["proto_sub"], "prototypes")
    close(ours["prototypes"].mean((0, 1)), numbers["proto_channel_mean"], "prototypes' means")
    _, c, y, x = strides["segm"]
    semantic = ours["semantic_logits"].transpose(2, 0, 1)
    close(semantic[::c, ::y, ::x], numbers["segm_sub"], "semantic_logits")


def close(ours, theirs, name):
    """Asserts equality within 1e-4 of the largest magnitude."""
    assert_allclose(ours, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max(), err_msg=name)


def assert_detections_equal(found, numbers, prefix="det", at_least=98):
    """Holds {boxes in 0..1, scores, classes (0..C-1)} against a fixture, rank by rank.

    Near-ties may change places, so that `at_least` of the 100 must agree: the class, the score within
    1e-5, the box within 1e-4.
    """
    expected = {name: numbers[f"{prefix}_{name}"] for name in ("box", "score", "class")}
    assert len(found["scores"]) == len(expected["score"])
    agrees = (
        (found["classes"] == expected["class"])
        & (np.abs(found["scores"] - expected["score"]) < 1e-5)
        & (np.abs(found["boxes"] - expected["box"]).max(1) < 1e-4)
    )
    assert agrees.sum() >= at_least


def assert_found_in_image(found, numbers, at_least=95):
    """Holds Detections of a whole image against an end-to-end fixture, whatever the rank.

    Score gaps go down to 6e-7 there, so that places are exchanged and `at_least` of the 100 must be
    found again: the class, the box within a pixel, the score within 1e-3, and a mask that differs in at
    most 1 pixel in 10 000 or where the original itself is on the brink.
    """
    height, width = found.image_size
    pixels = height * width
    ranks = {int(category): rank for rank, category in enumerate(published_labels(80))}
    classes = np.array([ranks[int(category)] for category in found.class_ids])
    free = np.ones(len(found), bool)
    agreeing = 0
    for i, (of_class, box) in enumerate(zip(numbers["post_class"], numbers["post_box"], strict=True)):
        distance = np.abs(np.trunc(found.boxes) - box).max(1)
        distance = np.where(free & (classes == of_class), distance, np.inf)
        j = int(distance.argmin())
        if distance[j] > 1:
            continue
        free[j] = False
        mask = np.unpackbits(numbers["post_mask_packed"][i])[:pixels].reshape(height, width)
        differing = int((found.masks[j] != mask).sum())
        allowed = max(pixels // 10_000, int(numbers["post_pixels_within_1e-4_of_half"][i]))
        close_scores = abs(found.scores[j] - numbers["post_score"][i]) < 1e-3
        if "post_mask_score" in numbers:
            close_scores &= abs(found.mask_scores[j] - numbers["post_mask_score"][i]) < 1e-3
        agreeing += bool(close_scores and differing <= allowed)
    assert agreeing >= at_least


def _assert_checksum(values, expected, name):
    values = values.astype("float64")
    checksum = [values.mean(), values.std(), np.abs(values).max(), np.sqrt((values**2).sum())]
    # The mean may be near zero: it is measured against the deviation.
    assert_allclose(checksum, expected, rtol=1e-4, atol=1e-4 * expected[1], err_msg=name)


@functools.cache
def _formula():
    spec = importlib.util.spec_from_file_location("formula", SHARED / "parity" / "weights.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
