import numpy as np
import pytest

from yolact_tf.draw.label_places import place_labels

PICTURE = (480, 640)  # height, width


def scattered(count, seed=0):
    """Boxes all over the picture, and the sizes of their labels."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 1, (count, 2)) * PICTURE[::-1]
    boxes = np.hstack([corners, corners + rng.uniform(4, 120, (count, 2))])
    sizes = [(int(width), 16) for width in rng.integers(40, 90, count)]
    return sizes, boxes.clip(0, np.tile(PICTURE[::-1], 2))


@pytest.mark.parametrize("count", [1, 20, 100])
def test_labels_cover_neither_each_other_nor_leave_the_picture(count):
    sizes, boxes = scattered(count)
    cover = np.zeros(PICTURE, int)
    places = list(place_labels(sizes, boxes, PICTURE))
    for (width, height), place in zip(sizes, places, strict=True):
        if place is not None:
            x, y = place
            assert x >= 0 and y >= 0
            part = cover[y : y + height, x : x + width]
            assert part.shape == (height, width)
            part += 1
    assert cover.max() == 1
    assert sum(place is not None for place in places) >= 0.95 * count
    assert places == list(place_labels(sizes, boxes, PICTURE))


def test_a_lone_label_lies_on_its_box():
    assert list(place_labels([(50, 16)], np.array([[100, 100, 200, 200]]), PICTURE)) == [(100, 84)]


def test_no_room_above_is_no_room_above():
    box = np.array([[100.0, 5, 200, 200]])
    ((x, y),) = place_labels([(50, 16)], box, PICTURE)
    assert (x, y) == (100, 0)  # clipped into the picture, over the box


def test_labels_of_one_place_choose_in_turn():
    box = np.array([[100.0, 100, 200, 200]])
    places = list(place_labels([(50, 16)] * 4, box.repeat(4, 0), PICTURE))
    assert places == [(100, 84), (100, 100), (100, 200), (100, 184)]


def test_what_is_to_be_kept_free_is():
    box = np.array([[100.0, 100, 200, 200]])
    (place,) = place_labels([(50, 16)], box, PICTURE, keep_free=[(90, 80, 140, 90), (100, 105, 110, 110)])
    assert place == (100, 200)


def test_a_crowd_leaves_the_last_without_labels():
    boxes = np.tile([300.0, 200, 310, 210], (900, 1))
    places = list(place_labels([(60, 16)] * 900, boxes, PICTURE))
    assert None in places and None not in places[:100]


def test_a_label_that_does_not_fit_is_left_out():
    assert list(place_labels([(70, 16)], np.array([[0.0, 0, 60, 60]]), (60, 60))) == [None]
