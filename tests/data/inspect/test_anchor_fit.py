"""Anchor recall: one box by hand, all positions by brute force, and suggestions that never do worse."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.anchors import build_anchors, pyramid_sizes
from yolact_tf.boxes import iou
from yolact_tf.config import AnchorConfig
from yolact_tf.data.inspect.anchor_fit import AnchorFit, better_fit, bins_of, fit_of, level_ious
from yolact_tf.recipes import list_recipes, load_config

# One square anchor a cell; at 64 px the levels have 8, 4, 2, 1 and 1 cells a side.
PLAIN = AnchorConfig(sizes=(8, 16, 32, 48, 64), ratios=(1.0,))


def box(center_x, center_y, width, height, image_size=64):
    """[1, 4] corners in 0..1 of a box in pixels."""
    half = np.array([width, height]) / 2
    corners = np.concatenate([np.array([center_x, center_y]) - half, [center_x, center_y] + half])
    return (corners / image_size).astype("float32")[None]


def random_boxes(seed, count=60):
    rng = np.random.default_rng(seed)
    centers = rng.random((count, 2))
    sides = np.exp(rng.uniform(-4, 0, (count, 2)))
    return np.concatenate([centers - sides / 2, centers + sides / 2], 1).clip(0, 1).astype("float32")


# By hand


@pytest.mark.parametrize(
    "values, best",
    [
        # The anchor of 16 px at the second row and column of P4 has its centre at 1.5 * 64 / 4 = 24.
        ((24, 24, 16, 16), 1.0),
        ((24, 24, 16, 8), 16 * 8 / 16**2),
        ((24, 24, 12, 20), 12 * 16 / (16**2 + 12 * 20 - 12 * 16)),
        # 4 px beside it: 12 of 16 columns shared.
        ((28, 24, 16, 16), 12 * 16 / (2 * 16**2 - 12 * 16)),
        # Half-way between two cells: 8 of 16 columns shared, and an anchor of P3 does no better.
        ((32, 24, 16, 16), 8 * 16 / (2 * 16**2 - 8 * 16)),
    ],
)
def test_best_anchor_of_one_box(values, best):
    assert_allclose(level_ious(box(*values), 64, PLAIN).max(), best, rtol=1e-6)


def test_recall_counts_boxes_that_reach_half():
    boxes = np.concatenate([box(24, 24, 16, 8), box(24, 24, 16, 7.9), box(32, 32, 60, 60)])
    fit = fit_of(boxes, 64, PLAIN)
    assert fit == AnchorFit(PLAIN.sizes, {"all": 2 / 3, "small": 0.5, "medium": 1.0, "large": -1.0})


def test_size_bins_meet_at_32_and_96_pixels():
    sides = np.array([0.5, 31.9, 32, 95.9, 96, 5000])
    assert {name: inside.sum() for name, inside in bins_of(sides).items()} == {
        "small": 2,
        "medium": 2,
        "large": 2,
    }
    assert (sum(bins_of(sides).values()) == 1).all()


def test_the_setting_is_what_set_takes():
    fit = AnchorFit((20.0, 40.5, 80.0, 160.0, 256.0), {})
    assert fit.setting == "anchors.sizes=20,40.5,80,160,256"
    assert load_config("tiny_256", [fit.setting]).anchors.sizes == fit.sizes


# Laws


@pytest.mark.parametrize("recipe", ["resnet50_550", "tiny_256", "plus_resnet50_550"])
@pytest.mark.parametrize("square", [True, False])
def test_one_cell_a_level_is_as_good_as_all(recipe, square):
    config = load_config(recipe)
    size, anchors = config.data.image_size, replace(config.anchors, square=square)
    boxes = random_boxes(0)
    everywhere = build_anchors(size, anchors.sizes, anchors.scales, anchors.ratios, square)
    pairs = np.asarray(iou(boxes, everywhere))
    per_cell = len(anchors.scales) * len(anchors.ratios)
    starts = np.cumsum([0] + [side**2 * per_cell for side in pyramid_sizes(size)[:-1]])
    found = level_ious(boxes, size, anchors)
    assert found.shape == (60, 5)
    assert_allclose(found, np.maximum.reduceat(pairs, starts, axis=1), atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("recipe", ["resnet50_550", "tiny_256"])
def test_a_suggestion_never_finds_less(recipe, seed):
    config = load_config(recipe)
    boxes = random_boxes(seed, 5 + 40 * seed)
    own = fit_of(boxes, config.data.image_size, config.anchors)
    better = better_fit(boxes, config.data.image_size, config.anchors)
    assert better == own or better.recall["all"] > own.recall["all"]
    assert better == fit_of(boxes, config.data.image_size, replace(config.anchors, sizes=better.sizes))


@pytest.mark.parametrize("recipe", list_recipes("configs"))
def test_suggested_sizes_rise_and_any_recipe_may_have_them(recipe):
    config = load_config(recipe)
    better = better_fit(random_boxes(7), config.data.image_size, config.anchors)
    steps = np.array(better.sizes[1:]) / better.sizes[:-1]
    assert better.sizes == tuple(config.anchors.sizes) or (steps >= 1.399).all()
    assert load_config(recipe, [better.setting]).anchors.sizes == better.sizes


@pytest.mark.parametrize("sizes", [(64, 48, 32, 16, 8), (9, 9, 9, 9, 9), (1, 2, 3, 4, 5), (900,) * 5])
def test_odd_sizes_to_start_from(sizes):
    boxes = random_boxes(1)
    anchors = replace(PLAIN, sizes=sizes)
    better = better_fit(boxes, 64, anchors)
    assert better.recall["all"] >= fit_of(boxes, 64, anchors).recall["all"]


def test_the_order_of_boxes_does_not_matter():
    boxes = random_boxes(3, 200)
    shuffled = np.random.default_rng(0).permutation(boxes)
    assert better_fit(boxes, 256, AnchorConfig()) == better_fit(shuffled, 256, AnchorConfig())


def test_small_objects_pull_the_finest_anchors_down():
    # The recipe's narrowest anchor is 20 · √½ px wide: squares of 8 px meet it with IoU 64 / 200 at best.
    boxes = np.concatenate([box(x, x, 8, 8, 256) for x in range(20, 240, 8)])
    anchors = load_config("tiny_256").anchors
    assert fit_of(boxes, 256, anchors).recall["all"] == 0
    better = better_fit(boxes, 256, anchors)
    assert better.recall["all"] == 1 and better.sizes[0] < 20


def test_no_boxes_keep_the_sizes():
    none = np.zeros((0, 4), "float32")
    fit = better_fit(none, 64, PLAIN)
    assert fit == AnchorFit(PLAIN.sizes, dict.fromkeys(("all", "small", "medium", "large"), -1.0))
    assert_array_equal(level_ious(none, 64, PLAIN), np.zeros((0, 5)))
