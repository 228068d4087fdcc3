"""The file that counts end in, and the marks on pictures."""

import json
from typing import NamedTuple

import numpy as np
import pytest

from tests.detect.moving.boxes import boxes
from yolact_tf.detect.moving import Line, Zone
from yolact_tf.detect.sinks.zone_counts import ZoneCounts
from yolact_tf.draw.zone_marks import place_captions

ROW = (10, 10, 30, 30)
WHOLE = Zone("all", ((0, 0), (100, 0), (100, 100), (0, 100)))


class Frame(NamedTuple):
    name: str
    seconds: float | None
    lasts: float = 0.1


def test_counts_are_written_by_video(tmp_path):
    path = tmp_path / "new" / "counts.json"
    with ZoneCounts([WHOLE], [], path.parent) as counts:
        for name, number in (("a.mp4", 1), ("a.mp4", 2), ("b.mp4", 0)):
            counts.add(Frame(name, 0.0), boxes(*[ROW] * number))
        counts.add(Frame("1.jpg", None), boxes(ROW))
        counts.add(Frame("2.jpg", None), boxes())
        assert not path.exists()
    rows = json.loads(path.read_text())
    assert [(row["file_name"], row["frames"]) for row in rows] == [("a.mp4", 2), ("b.mp4", 1), (None, 2)]
    assert [row["zones"][0]["inside"] for row in rows] == [[1, 2], [0], [1, 0]]


def test_what_is_drawn_is_marked_and_the_picture_given_is_left_alone(tmp_path):
    picture = np.zeros((100, 200, 3), np.uint8)
    counts = ZoneCounts([WHOLE], [Line("gate", ((150, 10), (150, 90)))], tmp_path)
    counts.add(Frame("a.mp4", 0.0), boxes(ROW, track_ids=[1]))
    drawn = counts.draw(picture, boxes(size=(100, 200)))
    assert drawn.shape == picture.shape and not picture.any()
    assert drawn[50, 50].any() and drawn[50, 150].any() and not drawn[5, 190].any()


def test_no_label_covers_a_count(tmp_path):
    counts = ZoneCounts([Zone("all", ((40, 40), (100, 40), (100, 90)))], [], tmp_path)
    at_its_corner = boxes((40, 40, 60, 60), size=(100, 200))
    counts.add(Frame("a.mp4", 0.0), at_its_corner)
    picture = np.zeros((100, 200, 3), np.uint8)
    (caption,) = place_captions([counts.zones[0].points], [], ["all: 1"], (100, 200))
    x1, y1, x2, y2 = caption.extent
    label_alone, both = (
        drawn[y1:y2, x1:x2] for drawn in (at_its_corner.draw(picture), counts.draw(picture, at_its_corner))
    )
    empty = boxes(size=(100, 200))
    counts.add(Frame("b.mp4", 0.0), at_its_corner)
    assert (both == counts.draw(picture, empty)[y1:y2, x1:x2]).all()
    assert label_alone.any()


def test_no_zone_crosses_a_name(tmp_path):
    found = boxes((40, 40, 60, 60), size=(100, 200))
    picture = np.zeros((100, 200, 3), np.uint8)
    name = np.s_[30:38, 42:60]  # above the box
    alone = found.draw(picture)[name]
    assert alone.any(2).mean() > 0.5
    counts = ZoneCounts([Zone("all", ((50, 5), (150, 5), (150, 90), (50, 90)))], [], tmp_path)
    counts.add(Frame("a.mp4", 0.0), found)
    drawn = counts.draw(picture, found)
    assert (drawn[name] == alone).all() and (drawn[85, 50] == drawn[85, 150]).all() and drawn[85, 50].any()


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_counted(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"counts\.json"):
        ZoneCounts([WHOLE], [], tmp_path / "file")


def test_a_file_of_another_is_not_overwritten_and_our_own_is(tmp_path):
    (tmp_path / "counts.json").write_text('{"mine": 1}')
    with pytest.raises(ValueError, match=r"--output must be a folder where the counts can be written"):
        ZoneCounts([WHOLE], [], tmp_path)
    (tmp_path / "counts.json").unlink()
    for _ in range(2):
        with ZoneCounts([WHOLE], [], tmp_path) as counts:
            counts.add(Frame("a.mp4", 0.0), boxes(ROW))
