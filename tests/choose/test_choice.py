"""A whole choice: recipe, fitted fields, and what is told of both."""

import shutil

import numpy as np
import pytest

from yolact_tf.choose import choose
from yolact_tf.choose.choice import choice_for
from yolact_tf.choose.data_look import DataLook
from yolact_tf.choose.rules import Machine
from yolact_tf.fields import differences
from yolact_tf.recipes import load_config
from yolact_tf.runs import config_of

CPU = Machine(has_gpu=False, has_imagenet=True)


def cells(most_objects=230, is_grey=True):
    """Nuclei: hundreds of objects of 3 % of the image's side."""
    corners = np.random.default_rng(0).uniform(0, 0.97, (400, 2))
    boxes = np.concatenate([corners, corners + 0.03], 1).astype(np.float32)
    return DataLook(30, 1, boxes, most_objects, is_grey)


def test_what_is_fitted_stands_in_the_config_and_is_told_as_set_takes_it():
    choice = choice_for(cells(), CPU)
    assert (choice.config.name, choice.config.data.image_size) == ("small_data_320", 448)
    assert (choice.config.data.max_objects, choice.config.detect.max_detections) == (230, 230)
    told = choice.lines[2].replace(";", "").split(" --set ")[1:]
    told[-1] = told[-1].split()[0]
    assert load_config("small_data_320", told) == choice.config
    changed = {change.path for change in differences(choice.config, load_config("small_data_320"))}
    assert changed >= {"data.image_size", "data.max_objects", "detect.max_detections"}


def test_set_wins_and_anchors_fit_the_size_that_it_sets():
    choice = choice_for(cells(), CPU, ["data.image_size=640", "data.max_objects=64"])
    assert (choice.config.data.image_size, choice.config.data.max_objects) == (640, 64)
    fixed = choice_for(cells(), CPU, ["anchors.sizes=9,18,36,72,144"])
    assert fixed.config.anchors.sizes == (9, 18, 36, 72, 144)
    assert "recall" not in fixed.lines[2]


def test_time_is_known_to_the_fit():
    assert choice_for(cells(), CPU, ["train.minutes=3"]).config.data.image_size == 320


def test_three_lines_are_told():
    assert len(choice_for(cells(), CPU).lines) == 3
    photographs = choice_for(cells(most_objects=5, is_grey=False), CPU)
    assert photographs.lines[1].startswith("recipe small_data_lite0_320: ")


def test_real_data_get_a_recipe(shapes_data):
    choice = choose(shapes_data, ["model.backbone_weights=random"])
    assert choice.config.model.backbone_weights == "random"
    assert choice.lines[0].startswith("24 images, 6 classes")


def test_weights_of_a_run_bring_its_recipe(shapes_run, shapes_data):
    expected = config_of(shapes_run, ["train.epochs=3"])
    for weights in (shapes_run, shapes_run / "weights" / "last.weights.h5"):
        choice = choose(shapes_data, ["train.epochs=3"], weights)
        assert choice.config == expected
        assert "whose weights it starts from" in choice.lines[0]


def test_weights_that_do_not_tell_their_network_are_refused(shapes_data, shapes_run, tmp_path):
    alone = tmp_path / "a" / "weights.weights.h5"
    alone.parent.mkdir()
    shutil.copy(shapes_run / "weights" / "last.weights.h5", alone)
    for weights in (alone, tmp_path / "none.pth"):
        with pytest.raises(ValueError, match="--weights without a RECIPE must be a run"):
            choose(shapes_data, (), weights)


def test_a_wrong_field_is_refused_before_data_are_read():
    with pytest.raises(ValueError, match=r"Nearest: data\.image_size"):
        choose("nowhere", ["data.imagesize=9"])
