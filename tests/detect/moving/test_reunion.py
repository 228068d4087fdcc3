"""Who comes out from behind another is known again; who only looks alike is not."""

import numpy as np
import pytest

from tests.detect.moving.boxes import boxes
from yolact_tf.detect.moving.reunion import Reunion


def walk(reunion, x, track, seconds, name="x", width=10):
    """The id of a box of height 10 whose left side is at x."""
    return reunion(boxes((x, 40, x + width, 50), names=[name]), np.array([track]), seconds)[0]


@pytest.fixture
def passing():
    """A Reunion that saw track 0 walk 20 pixels a second, up to x = 20, then slip behind something."""
    reunion = Reunion(lost_seconds=3)
    for step in range(11):
        assert walk(reunion, 2.0 * step, 0, step / 10) == 0
    for step in range(1, 4):  # what is seen of it shrinks: its centre slows down
        walk(reunion, 20 + 2.0 * step, 0, 1 + step / 10, width=8 - 2 * step)
    return reunion


def test_a_new_track_where_the_object_would_be_is_the_same(passing):
    assert walk(passing, 50, 7, 2.5) == 0
    assert walk(passing, 52, 7, 2.6) == 0


def test_one_that_slowed_down_out_of_sight_is_the_same(passing):
    assert walk(passing, 30, 7, 2.5) == 0


@pytest.mark.parametrize(
    ("x", "seconds", "name"),
    [(90, 2.5, "x"), (0, 2.5, "x"), (50, 2.5, "another class"), (100, 5.0, "x")],
    ids=["too far", "behind it", "of another class", "too late"],
)
def test_other_new_tracks_are_others(passing, x, seconds, name):
    assert walk(passing, x, 7, seconds, name) == 7


def test_of_two_that_could_be_it_the_nearer_one_is(passing):
    found = boxes((45, 40, 55, 50), (50, 43, 60, 53), (50, 40, 60, 50))
    ids = passing(found, np.array([7, 8, 9]), 2.5)
    assert sorted(ids.tolist()) == sorted([0, *{7, 8, 9} - {7 + ids.tolist().index(0)}])
    assert ids.tolist().index(0) in (0, 2)


def test_who_is_in_sight_gives_his_id_to_nobody(passing):
    found = boxes((26, 40, 30, 50), (50, 40, 60, 50))
    assert passing(found, np.array([0, 7]), 2.5).tolist() == [0, 7]


def test_what_is_of_no_track_stays_so(passing):
    assert walk(passing, 50, -1, 2.5) == -1
