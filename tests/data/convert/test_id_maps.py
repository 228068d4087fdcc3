"""One id a pixel: what lies on top, what is covered, what does not fit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.data.convert.made import HEIGHT, WIDTH, apart, data_set_of, instance, kinds, ring, square
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.id_maps import paint, rles_of
from yolact_tf.data.convert.regions import rle_of


def painted(tmp_path, objects, limit=254):
    """(ids, instances seen, losses) of one image with those objects."""
    losses = Losses()
    (picture,) = data_set_of(tmp_path, objects).splits["train"]
    return *paint(picture, limit, losses, "train/a.png"), losses


def test_an_empty_image_is_all_background(tmp_path):
    ids, instances, losses = painted(tmp_path, [])
    assert ids.shape == (HEIGHT, WIDTH) and not ids.any() and instances == () and not losses


@pytest.mark.parametrize("mask", [ring(), apart()])
def test_holes_and_parts_survive(tmp_path, mask):
    ids, instances, losses = painted(tmp_path, [instance(mask)])
    assert_array_equal(ids, mask)
    assert len(instances) == 1 and not losses


def test_rles_of_are_those_of_pycocotools():
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (7, 5), (30, 40)):
        ids = rng.integers(0, 5, shape)
        rles = rles_of(ids)
        assert list(rles) == sorted(set(ids.ravel().tolist()) - {0})
        for value, rle in rles.items():
            assert rle == rle_of(ids == value)
    assert rles_of(np.zeros((3, 4), int)) == {}


def test_small_objects_lie_on_large_ones_and_the_covered_are_counted(tmp_path):
    small, large = square(5, 5, 8, 8), square(2, 2, 20, 20)
    ids, instances, losses = painted(tmp_path, [small, large])
    assert ids[6, 6] == 1 and ids[10, 10] == 2
    assert [i.category_id for i in instances] == [1, 1]
    assert kinds(losses) == {"polygons, now pixels": 2, "objects covered in part by others": 1}


def test_crowds_lie_below_all(tmp_path):
    crowd, large = square(5, 5, 8, 8, is_crowd=True), square(2, 2, 20, 6)
    ids, _, _ = painted(tmp_path, [crowd, large])
    assert ids[5, 6] == 2 and ids[7, 6] == 1


def test_what_is_covered_wholly_or_empty_has_no_id(tmp_path):
    twins = [square(2, 2, 9, 9), square(2, 2, 9, 9, category_id=2)]
    nothing = instance(np.zeros((HEIGHT, WIDTH), bool))
    ids, instances, losses = painted(tmp_path, [nothing, *twins])
    assert np.unique(ids).tolist() == [0, 1]
    assert instances == (twins[1],)
    assert losses["objects covered wholly by others"].count == 1
    assert losses["objects without pixels"].count == 1


def test_the_smallest_beyond_the_limit_are_left_out(tmp_path):
    objects = [square(x, 2, x + 1 + x % 2, 4) for x in range(0, 12, 3)]  # of 2 and 4 pixels in turn
    ids, instances, losses = painted(tmp_path, objects, limit=2)
    assert instances == (objects[1], objects[3])
    assert ids.max() == 2 and losses["objects beyond 2 an image"].count == 2
