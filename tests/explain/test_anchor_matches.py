"""Who learns whom, by hand, and against the counts that training shows."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.anchors import build_anchors
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.explain.anchor_figure import draw_anchor_matches
from yolact_tf.explain.anchor_matches import AnchorMatches, match_data, match_truth
from yolact_tf.recipes import load_config
from yolact_tf.train.watch.anchor_matches import positives_by_level

# One square anchor a cell; at 64 px the levels have 8, 4, 2, 1 and 1 cells a side.
SETTINGS = (
    "data.image_size=64",
    "anchors.sizes=8,16,32,48,64",
    "anchors.ratios=1",
    "model.num_classes=1",
    "data.max_objects=4",
)


def matches(*boxes, crowds=0, settings=()):
    """AnchorMatches of one image with objects x, y, width, height in pixels, the last ones crowds."""
    config = load_config("tiny_256", [*SETTINGS, *settings])
    x, y, width, height = np.array(boxes, "float32").T
    slots = np.zeros((1, 4, 4), "float32")
    slots[0, : len(boxes)] = np.stack([x, y, x + width, y + height], 1) / 64
    is_crowd = np.zeros((1, 4), bool)
    is_crowd[0, len(boxes) - crowds : len(boxes)] = True
    truth = {
        "boxes": slots,
        "classes": np.zeros((1, 4), "int32"),
        "is_crowd": is_crowd,
        "num_objects": np.array([len(boxes)], "int32"),
    }
    (image,) = match_truth(config, truth)
    pixels = np.full((64, 64, 3), 90, "uint8")
    anchors = build_anchors(**config.anchor_settings)
    return AnchorMatches(config, anchors, [image], [(pixels, image)], 1)


def test_an_object_that_is_an_anchor():
    # The anchor of P4 in the second row and column: centre 24, side 16.
    found = matches((16, 16, 16, 16))
    (image,) = found.images
    anchor = 8 * 8 + 4 + 1
    assert image.positives.tolist() == [anchor] and image.object_of.tolist() == [0]
    assert not image.is_forced.any() and not image.is_missed.any()
    assert_array_equal(found.positives, [[0], [1], [0], [0], [0]])
    assert found.level_of(image.positives).tolist() == [1]
    assert found.num_own.tolist() == [1]
    assert_array_equal(found.sides.round(), [16])


def test_an_object_between_all_anchors_is_missed_and_forced():
    # 4 px inside one anchor of 8: an IoU of a quarter.
    found = matches((2, 2, 4, 4))
    (image,) = found.images
    assert image.positives.tolist() == [0] and image.is_forced.tolist() == [True]
    assert image.is_missed.tolist() == [True] and found.num_own.tolist() == [0]


def test_what_overlaps_a_little_less_is_neutral():
    # 16 x 7 px of an anchor of 16 x 16: 0.4375, between 0.4 and 0.5. It is forced all the same.
    found = matches((16, 20, 16, 7))
    (image,) = found.images
    assert image.is_missed.tolist() == [True]
    assert not set(image.neutrals) & set(image.positives)
    both = matches((16, 16, 16, 16), (16, 16, 16, 7))
    assert both.images[0].is_missed.tolist() == [False, True]


def test_crowds_are_no_objects():
    found = matches((0, 0, 64, 64), crowds=1)
    assert found.num_own.size == 0 and found.positives.sum() == 0
    # All anchors that lie in it are neutral.
    assert found.neutrals.sum() > 0
    assert draw_anchor_matches(found).shape[1] == 1400


def test_counts_are_those_that_training_shows(shapes_data, small_settings):
    config = load_config("tiny_256", [*small_settings, "model.num_classes=6", "train.batch_size=4"])
    found = match_data(config, shapes_data, "val")
    _, truth = next(iter(build_dataset(config, shapes_data, "val")))
    assert_array_equal(found.positives.sum(1), positives_by_level(truth, config))
    assert len(found.images) == found.num_images == 4
    assert found.positives.sum() == sum(len(image.positives) for image in found.images)
    assert found.shapes.shape == (5, 3, 2)
    assert found.shapes[:, 0, 0].round().tolist() == [12, 24, 48, 96, 128]


def test_a_recipe_of_fewer_classes_than_the_data(shapes_data, small_settings):
    few, many = (
        match_data(load_config("tiny_256", [*small_settings, *more]), shapes_data, "val")
        for more in (["model.num_classes=1"], [])
    )
    assert_array_equal(few.positives, many.positives)


@pytest.mark.whole
@pytest.mark.parametrize("augmented", [False, True])
def test_as_many_images_as_are_asked_for(shapes_data, small_settings, augmented):
    config = load_config("tiny_256", small_settings)
    seen = []
    progress = lambda *numbers: seen.append(numbers)
    found = match_data(config, shapes_data, most=10, augmented=augmented, progress=progress)
    assert len(found.images) == 10 and found.num_images == 24
    assert seen == [(8, 10), (10, 10)]
    again = match_data(config, shapes_data, most=10, augmented=augmented)
    assert_array_equal(found.positives, again.positives)


def test_the_worst_images_are_shown(shapes_data, small_settings):
    found = match_data(load_config("tiny_256", small_settings), shapes_data)
    shown = [image.is_missed.sum() for _, image in found.examples]
    others = sorted((image.is_missed.sum() for image in found.images), reverse=True)
    assert shown == others[: len(shown)] and 0 < len(shown) < 24
    picture = draw_anchor_matches(found)
    assert picture.dtype == np.uint8 and picture.shape[1:] == (1400, 3)
