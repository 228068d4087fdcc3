"""Ids last: through occlusion, gaps and doubt, on scenes whose truth is known."""

from collections import Counter

import numpy as np
import pytest

from tests.detect.moving.boxes import boxes
from yolact_tf.data.synthetic.moving import MovingScene
from yolact_tf.data.synthetic.scenes import MIN_VISIBLE_PIXELS
from yolact_tf.detect.moving import Tracker

RATE = 30
SCENES = 10
FRAMES = 240


def seen(owner, count):
    """Boxes of the objects of a frame that can be seen, and their numbers."""
    numbers, rows = [], []
    for k in range(1, count + 1):
        y, x = np.nonzero(owner == k)
        if len(y) >= MIN_VISIBLE_PIXELS:
            numbers.append(k)
            rows.append((x.min(), y.min(), x.max() + 1, y.max() + 1))
    return boxes(*rows, size=owner.shape), np.array(numbers, int)


def histories(seed):
    """{object: its track ids frame by frame}, -1 where of no track and -2 where it is hidden."""
    scene = MovingScene(192, 256, 8, RATE, seed)
    count = len(scene.classes)
    tracker, history = Tracker(RATE), np.full((count + 1, FRAMES), -2)
    for number in range(FRAMES):
        found, objects = seen(scene.owner(number), count)
        history[objects, number] = tracker(found, number / RATE).track_ids
    return history[1:]


@pytest.mark.whole
def test_ids_are_stable_over_occlusion():
    """Where things cross behind one another an id is lost or swapped at times; most last for ever."""
    lasting = comebacks = 0
    for seed in range(SCENES):
        history = histories(seed)
        ids = [set(row[row >= 0].tolist()) for row in history]
        holders = Counter(track for of_object in ids for track in of_object)
        lasting += sum(len(own) == 1 and holders[min(own)] == 1 for own in ids)
        # But for a frame or two when they appear, all have one.
        assert (history == -1).sum() <= 3 * (history > 0).any(1).sum()
        comebacks += sum(map(_comebacks, history.tolist()))
    assert comebacks >= 15  # what makes this a test of occlusion
    assert lasting >= 0.7 * 8 * SCENES


def _comebacks(row):
    """How often an object is hidden for a third of a second or more and seen again."""
    hidden = "".join("h" if x == -2 else "v" for x in row).strip("h").split("v")
    return sum(len(gap) >= RATE / 3 for gap in hidden)


def test_ids_begin_with_the_second_frame_and_count_from_1():
    tracker = Tracker()
    rows = [(10, 10, 30, 30), (60, 60, 90, 90)]
    assert tracker(boxes(*rows)).track_ids.tolist() == [-1, -1]
    assert sorted(tracker(boxes(*rows)).track_ids.tolist()) == [1, 2]
    assert len(tracker(boxes()).track_ids) == 0


def test_ids_stay_with_their_detections_in_any_order():
    tracker = Tracker()
    rows = [(10, 10, 30, 30), (60, 60, 90, 90), (10, 60, 30, 90)]
    tracker(boxes(*rows))
    first = tracker(boxes(*rows, names="abc"))
    again = tracker(boxes(*rows[::-1], names="cba"))
    assert again.class_names == ("c", "b", "a")
    assert again.track_ids.tolist() == first.track_ids[::-1].tolist()


def test_what_scores_little_begins_no_track_but_goes_on_with_one():
    tracker = Tracker(score_threshold=0.5)
    row = (10, 10, 30, 30)
    for score, expected in ((0.2, -1), (0.2, -1), (0.6, -1), (0.6, 1), (0.2, 1), (0.6, 1)):
        assert tracker(boxes(row, scores=[score])).track_ids.tolist() == [expected]


def test_who_is_gone_for_long_comes_back_as_another():
    tracker = Tracker(lost_seconds=1)
    row = (10, 10, 30, 30)
    ids = []
    for seconds in (0, 0.1, 0.9, 3, 3.1):
        ids += tracker(boxes(row), seconds).track_ids.tolist()
    assert ids == [-1, 1, 1, -1, 2]
