import numpy as np
import pytest

from yolact_tf.recipes import load_config
from yolact_tf.train.watch.anchor_matches import positives_by_level

CONFIG = load_config("tiny_256", ["data.image_size=128", "anchors.sizes=8,16,32,64,128"])


def truth(*boxes):
    slots = np.zeros((2, 3, 4), "float32")
    slots[0, : len(boxes)] = np.array(boxes, "float32").reshape(-1, 4) / 128
    return {
        "boxes": slots,
        "classes": np.zeros((2, 3), "int32"),
        "is_crowd": np.zeros((2, 3), bool),
        "num_objects": np.array([len(boxes), 0], "int32"),
    }


@pytest.mark.parametrize("level", range(5))
def test_an_object_of_an_anchors_size_goes_to_its_level(level):
    side, cell = (8, 16, 32, 64, 128)[level], (8, 16, 32, 64, 128)[level]
    corner = [cell / 2 - side / 2] * 2
    counts = positives_by_level(truth([*corner, *(c + side for c in corner)]), CONFIG)
    assert counts.shape == (5,)
    assert counts.argmax() == level and counts.sum() - counts[level] == 0


def test_no_objects_no_positives():
    assert positives_by_level(truth(), CONFIG).tolist() == [0] * 5
