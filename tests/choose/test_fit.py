"""Image size, anchors and slots from the sizes and numbers of objects."""

import dataclasses

import numpy as np
import pytest

from yolact_tf.choose.data_look import DataLook
from yolact_tf.choose.fit import fit_anchors, fit_slots, fitted_image_size
from yolact_tf.data.inspect.anchor_fit import fit_of
from yolact_tf.fields import override
from yolact_tf.recipes import load_config

CONFIG = load_config("small_data_320")


def look(side, most_objects=1, num=40):
    """Square objects of one side, as a share of the image's, anywhere."""
    corners = np.random.default_rng(0).uniform(0, 1 - side, (num, 2))
    boxes = np.concatenate([corners, corners + side], 1).astype(np.float32)
    return DataLook(20, 1, boxes, most_objects, False)


@pytest.mark.parametrize(
    ("side", "minutes", "has_gpu", "size"),
    [
        (0.3, 20, False, 320),  # 16 / .3 = 54 px would do: the recipe's size stays
        (0.05, 20, False, 320),  # 16 / .05 = 320
        (0.045, 20, False, 384),  # 356, the next multiple of 32
        (0.01, 20, False, 448),  # 1600, more than there is time for
        (0.01, 0, False, 448),  # the recipe's epochs are as long
        (0.01, 4, False, 320),
        (0.01, 60, False, 576),
        (0.01, 4, True, 640),
        (0.0, 20, False, 448),
        (1.0, 20, False, 320),
    ],
)
def test_sizes_worked_by_hand(side, minutes, has_gpu, size):
    assert fitted_image_size(side, 320, minutes, has_gpu) == size


def test_a_large_recipe_is_never_made_smaller():
    assert fitted_image_size(0.01, 700, 4, False) == 700


def test_better_anchors_are_taken_and_their_recall_is_true():
    data = look(0.025)  # 8 px
    settings, told = fit_anchors(data, CONFIG)
    before = fit_of(data.boxes, 320, CONFIG.anchors).recall["all"]
    after = fit_of(data.boxes, 320, override(CONFIG, settings).anchors).recall["all"]
    assert after > before + 0.02
    assert told == f"recall of the anchors {before:.2f} → {after:.2f}"


def test_anchors_that_find_all_stay():
    assert fit_anchors(look(0.25), CONFIG) == ([], "recall of its anchors 1.00")


def test_without_objects_there_is_nothing_to_fit():
    empty = dataclasses.replace(look(0.2), boxes=np.zeros((0, 4), np.float32))
    assert fit_anchors(empty, CONFIG) == ([], "no objects to fit anchors to")


@pytest.mark.parametrize(
    ("most", "settings"),
    [
        (0, []),
        (100, []),
        (101, ["data.max_objects=110", "detect.max_detections=110", "detect.max_candidates=220"]),
        (5000, ["data.max_objects=400", "detect.max_detections=400", "detect.max_candidates=800"]),
    ],
)
def test_the_fullest_image_has_room(most, settings):
    assert fit_slots(look(0.1, most), CONFIG) == settings
    assert fit_slots(look(0.1, most), override(CONFIG, settings)) == []
