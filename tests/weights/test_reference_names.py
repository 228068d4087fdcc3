import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.conftest import SHARED
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.weights.published import RECIPE_OF, reference_slots
from yolact_tf.weights.reference_names import reference_key, reference_shape, to_keras_layout


@pytest.mark.whole
@pytest.mark.parametrize("reference", sorted(RECIPE_OF))
def test_every_variable_is_a_tensor_of_the_original_and_no_tensor_is_left(parity, reference):
    size = 256 if "plus" in reference else 64  # no weight depends on it
    settings = [f"data.image_size={size}", "model.backbone_weights=random"]
    model = build_yolact(load_config(RECIPE_OF[reference], settings))
    ours = {key: slot.shape for key, slot in reference_slots(model).items()}
    keys = json.loads((SHARED / "parity" / "keys" / f"{reference}.json").read_text())
    theirs = {key: tuple(shape) for key, shape in keys["keys"] if not key.endswith("num_batches_tracked")}
    assert ours == theirs
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == keys["num_parameters"]


def test_a_variable_that_the_original_lacks_has_no_key():
    assert reference_key("backbone", "block_1_expand/kernel") is None
    assert reference_key("fpn", "lateral_p9/kernel") is None
    assert reference_key("fpn", "lateral_p5/scale") is None


def test_layouts_agree():
    kernel = np.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7)  # [O, I, h, w]
    assert reference_shape(to_keras_layout(kernel).shape) == kernel.shape
    assert to_keras_layout(kernel)[4, 6, 2, 1] == kernel[1, 2, 4, 6]
    assert_array_equal(to_keras_layout(kernel[0, 0, 0]), kernel[0, 0, 0])
