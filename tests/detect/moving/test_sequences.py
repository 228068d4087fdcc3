"""Frames of several videos in turn."""

from typing import NamedTuple

from tests.detect.moving.boxes import boxes
from yolact_tf.detect.moving.sequences import tracked

ROW = (10, 10, 30, 30)


class Frame(NamedTuple):
    name: str
    seconds: float | None
    lasts: float = 0.1


def test_each_video_has_tracks_of_its_own_and_stills_have_them_together():
    frames = [Frame(name, i / 10) for i in range(3) for name in ("a.mp4", "b.mp4")]
    frames += [Frame(f"{i}.jpg", None) for i in range(3)]
    ids = {}
    for frame, found in tracked((frame, boxes(ROW)) for frame in frames):
        ids.setdefault(frame.name, []).extend(found.track_ids.tolist())
    assert ids["a.mp4"] == ids["b.mp4"] == [-1, 1, 1]
    assert [ids[f"{i}.jpg"] for i in range(3)] == [[-1], [1], [1]]
