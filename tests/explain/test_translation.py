"""Padding alone makes prototypes of a plain colour uneven: measured, and with the padding taken away."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from yolact_tf.explain.mirrored_padding import without_padding
from yolact_tf.explain.translation import COLORS, GREY, PLACES, bright_side, translation_of
from yolact_tf.explain.translation_figure import draw_translation
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained

SMALL = ("model.pyramid_channels=16", "model.prototype_channels=16", "model.head_channels=16")


def network(recipe, size, *settings):
    config = load_config(recipe, [f"data.image_size={size}", "model.num_classes=3", *SMALL, *settings])
    return yolact_tf.build_yolact(untrained(config))


def spread(maps):
    return maps.max((0, 1, 2)) - maps.min((0, 1, 2))


def test_without_padding_a_plain_colour_stays_plain(detector):
    found = translation_of(detector)
    assert list(found.images) == [*COLORS, *PLACES]
    assert found.unevenness.shape == (8,) and found.unevenness.max() > 0.1
    assert (found.unevenness <= 1).all() and found.control_unevenness.max() < 1e-4


@pytest.mark.parametrize(
    "recipe, settings",
    [
        ("tiny_256", ()),
        pytest.param("mobilenetv2_320", (), marks=pytest.mark.whole),
        pytest.param("resnet50_550", (), marks=pytest.mark.whole),
        pytest.param("darknet53_550", (), marks=pytest.mark.whole),
        pytest.param(
            "plus_resnet50_550", ("model.mask_rescoring=false",), marks=pytest.mark.whole, id="deformable"
        ),
    ],
)
def test_every_backbone_loses_its_edges(recipe, settings):
    model = network(recipe, 96, *settings)
    for weight in model.get_layer("protonet").weights:
        weight.assign(np.abs(weight))  # so that prototypes are not cut to 0
    plain = np.full((1, 96, 96, 3), 60, "float32")
    padded, control = model(plain)["prototypes"], without_padding(model)(plain)
    padded, control = np.asarray(padded), np.asarray(control)
    assert control.shape == padded.shape
    largest = np.abs(control).max()
    assert spread(control).max() < 1e-4 * largest
    assert spread(padded).max() > 1e-2 * largest


def test_without_padding_is_the_middle_of_a_very_large_image():
    small, large = network("tiny_256", 64), network("tiny_256", 1024)
    large.set_weights(small.get_weights())
    of_small = np.asarray(without_padding(small)(np.full((1, 64, 64, 3), 200, "float32")))
    of_large = np.asarray(large(np.full((1, 1024, 1024, 3), 200, "float32"))["prototypes"])
    assert of_large.shape[1] == 256
    assert_allclose(of_small[0, 5, 7], of_large[0, 128, 128], rtol=1e-3, atol=1e-5)


def test_an_object_is_put_in_its_place_and_nowhere_else(detector):
    images = translation_of(detector).images
    assert (images["grey"] == GREY).all()
    columns, rows = np.meshgrid(np.arange(512), np.arange(512))
    for name, (x, y) in PLACES.items():
        is_object = (images[name] != GREY).any(2)
        assert_allclose([columns[is_object].mean(), rows[is_object].mean()], [512 * x, 512 * y], atol=1)
        assert is_object.sum() == (images["middle"] != GREY).any(2).sum()


def test_the_best_detection_is_what_moves(detector, image):
    images = translation_of(detector, image).images
    cut = images["left"][(images["left"] != GREY).any(2)]
    assert_array_equal(cut, images["right"][(images["right"] != GREY).any(2)])
    assert len(cut) > 100 and len(np.unique(cut, axis=0)) > 1


def test_an_image_without_anything_is_refused(run, image):
    strict = replace(run.config.detect, score_threshold=1.0)
    blind = yolact_tf.Detector(replace(run, config=replace(run.config, detect=strict)))
    with pytest.raises(ValueError, match="Received one in which it finds nothing"):
        translation_of(blind, image)


def test_a_model_without_prototypes_is_refused(litert_file):
    with pytest.raises(ValueError, match="Expected a model that tells prototypes"):
        translation_of(yolact_tf.Detector.from_artefact(litert_file))


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_the_brighter_side_by_hand(side):
    values = np.ones((7, 9))
    part = {
        "left": np.s_[:, :4],
        "right": np.s_[:, 5:],
        "top": np.s_[:3],
        "bottom": np.s_[4:],
    }[side]
    values[part] = 1.3
    assert bright_side(values) == side
    values[part] = 1.1
    assert bright_side(values) == ""


def test_an_even_or_empty_map_has_no_brighter_side():
    assert bright_side(np.zeros((5, 5))) == bright_side(np.ones((5, 5))) == ""


def test_a_row_an_input_and_a_column_a_prototype(detector, explore_file):
    picture = draw_translation(translation_of(detector), 4)
    assert picture.dtype == np.uint8 and picture.shape[1:] == (1400, 3)
    artefact = translation_of(yolact_tf.Detector.from_artefact(explore_file))
    # It tells prototypes, but has no weights to take the padding from.
    assert artefact.control is None and draw_translation(artefact, 4).shape[0] < picture.shape[0]
