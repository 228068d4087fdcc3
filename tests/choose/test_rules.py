"""Which recipe is taken, case by case."""

import numpy as np
import pytest

from yolact_tf.choose.data_look import DataLook
from yolact_tf.choose.rules import RULES, Machine, rule_for, this_machine
from yolact_tf.recipes import list_recipes

CPU, GPU = Machine(False, True), Machine(True, True)


def look(num_images=100, is_grey=False):
    return DataLook(num_images, 3, np.array([[0.1, 0.1, 0.4, 0.4]], np.float32), 1, is_grey)


@pytest.mark.parametrize(
    ("data", "machine", "recipe"),
    [
        (look(), CPU, "small_data_lite0_320"),
        (look(1), CPU, "small_data_lite0_320"),
        (look(is_grey=True), CPU, "small_data_320"),
        (look(is_grey=True), GPU, "small_data_320"),
        (look(), CPU._replace(has_imagenet=False), "small_data_320"),
        (look(19_999), GPU, "small_data_lite0_320"),
        (look(20_000), GPU, "resnet50_550"),
        (look(20_000), CPU, "small_data_lite0_320"),
    ],
)
def test_worked_cases(data, machine, recipe):
    assert rule_for(data, machine).recipe == recipe


def test_a_missing_package_is_named_with_its_command():
    assert "pip install 'yolact_tf[pretrained]'" in rule_for(look(), Machine(False, False)).reason
    # It would not help here.
    assert "pip install" not in rule_for(look(is_grey=True), Machine(False, False)).reason


def test_every_rule_names_a_recipe_and_the_last_always_holds():
    assert {rule.recipe for rule in RULES} <= set(list_recipes("configs"))
    assert RULES[-1].holds(look(), CPU)


def test_this_machine_is_one():
    assert all(isinstance(answer, bool) for answer in this_machine())
