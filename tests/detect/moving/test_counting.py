"""How many are in a zone, were in it, and crossed a line: numbers that can be counted by hand."""

import pytest

from tests.detect.moving.boxes import boxes
from yolact_tf.detect.moving import Line, Zone, ZoneCounter
from yolact_tf.detect.moving.counting import Tally

LEFT = Zone("left", ((0, 0), (50, 0), (50, 100), (0, 100)))
ACROSS = Line("gate", ((0, 50), (100, 50)))


def at(x, y):
    """A box of 10 pixels round a point."""
    return x - 5, y - 5, x + 5, y + 5


def test_an_object_is_where_its_centre_is():
    counter = ZoneCounter([LEFT])
    tallies = [counter(boxes(at(20, 20), at(48, 50), at(53, 50))), counter(boxes()), counter(boxes(at(9, 9)))]
    assert [tally.inside for tally in tallies] == [(2,), (0,), (1,)]
    (zone,) = counter.totals()["zones"]
    assert (zone["name"], zone["most"], zone["inside"]) == ("left", 2, [2, 0, 1])
    assert "visitors" not in zone  # who is who is not known


def test_what_lies_outside_the_picture_is_told_of_once(caplog):
    beside = Zone("beside", ((500, 0), (600, 0), (600, 50)))
    counter = ZoneCounter([LEFT, beside])
    for _ in range(2):
        counter(boxes(at(20, 20)))
    (record,) = caplog.records
    assert "beside lies outside the picture: expected points within 100 x 100" in record.getMessage()


def test_who_leaves_a_zone_and_comes_back_visited_it_once():
    counter = ZoneCounter([LEFT])
    for x in (20, 40, 60, 80, 60, 40, 20):
        counter(boxes(at(x, 50), at(90, 50), at(10, 10), track_ids=[4, 5, -1], names=["a", "b", "a"]))
    (zone,) = counter.totals()["zones"]
    assert zone["visitors"] == {"a": 1}
    assert zone["inside"] == [2, 2, 1, 1, 1, 2, 2]


def test_lines_are_crossed_in_to_the_left_hand_of_their_way():
    counter = ZoneCounter([], [ACROSS, Line("back", ACROSS.points[::-1])])
    ys = (80, 60, 40, 20, 40, 60, 40)  # up, down, up
    tallies = [counter(boxes(at(50, y), track_ids=[1])) for y in ys]
    assert [tally.crossings[0] for tally in tallies] == [*[(0, 0)] * 2, *[(1, 0)] * 3, (1, 1), (2, 1)]
    assert tallies[-1].crossings[1] == (1, 2)
    gate, back = counter.totals()["lines"]
    assert (gate["in"], gate["out"]) == ({"x": 2}, {"x": 1}) == (back["out"], back["in"])


def test_who_passes_beside_a_line_has_not_crossed_it():
    counter = ZoneCounter([], [Line("short", ((40, 50), (60, 50)))])
    for y in (80, 60, 40, 20):
        assert counter(boxes(at(80, y), track_ids=[1])) == Tally((), ((0, 0),))


def test_who_is_hidden_while_crossing_is_counted():
    counter = ZoneCounter([], [ACROSS])
    for y in (80, 70, 60):
        counter(boxes(at(50, y), track_ids=[1]))
    for _ in range(20):
        assert counter(boxes(track_ids=[])).crossings == ((0, 0),)
    assert counter(boxes(at(50, 40), track_ids=[1])).crossings == ((1, 0),)


def test_a_track_is_of_the_class_that_it_was_found_to_be_most_often():
    counter = ZoneCounter([], [ACROSS])
    for y, name in zip((80, 70, 60, 40), "aaab", strict=True):
        counter(boxes(at(50, y), track_ids=[1], names=[name]))
    assert counter.totals()["lines"][0]["in"] == {"a": 1}


def test_lines_need_tracks():
    with pytest.raises(ValueError, match="Expected `track_ids`"):
        ZoneCounter([], [ACROSS])(boxes(at(50, 50)))
