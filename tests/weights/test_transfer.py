import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.weights.transfer import Slot, Transfer, class_keys, transfer


def slots():
    """Two layers: a shared kernel [2, 3], and the class layer of the semantic head with 4 outputs."""
    shared = keras.Variable(np.zeros((2, 3)))
    classes = keras.Variable(np.zeros(4))
    return {
        "a": Slot("fpn", "lateral_p5/kernel", shared, (2, 3)),
        "b": Slot("semantic_head", "semantic_logits/bias", classes, (4,)),
    }


def test_all_that_fits_is_assigned():
    ours = slots()
    assert transfer({"a": np.ones((2, 3)), "b": np.ones(4)}, ours, "file") == Transfer(2, ())
    for slot in ours.values():
        assert_array_equal(slot.variable, 1)


def test_fresh_layers_keep_their_values_and_are_named():
    ours = slots()
    tensors = {"a": np.ones((2, 3)), "b": np.ones(7)}
    fresh = class_keys(ours, tensors, same_classes=True)
    assert transfer(tensors, ours, "file", fresh=fresh) == Transfer(1, ("semantic_head/semantic_logits",))
    assert_array_equal(ours["b"].variable, 0)


@pytest.mark.parametrize(("same", "expected"), [(True, set()), (False, {"b"})])
def test_other_classes_start_afresh_even_where_they_are_as_many(same, expected):
    assert class_keys(slots(), {"a": np.ones((2, 3)), "b": np.ones(4)}, same) == expected


@pytest.mark.parametrize(
    ("tensors", "line"),
    [
        ({"a": np.ones((2, 3))}, r"b: expected \(4,\), received none"),
        ({"a": np.ones((3, 2)), "b": np.ones(4)}, r"a: expected \(2, 3\), received \(3, 2\)"),
        (
            {"a": np.ones((2, 3)), "b": np.ones(4), "c": np.ones(1)},
            r"c: expected no such key, received \(1,\)",
        ),
    ],
)
def test_what_does_not_fit_is_listed_and_nothing_assigned(tensors, line):
    ours = slots()
    with pytest.raises(ValueError, match=f"^file: 1 tensors do not fit the recipe: {line}$"):
        transfer(tensors, ours, "file")
    assert_array_equal(ours["a"].variable, 0)


def test_a_long_list_is_cut():
    tensors = {f"x{i}": np.ones(1) for i in range(9)}
    with pytest.raises(ValueError, match="^file: 11 tensors .* and 6 more$"):
        transfer(tensors, slots(), "file")
