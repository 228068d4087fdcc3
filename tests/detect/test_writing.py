"""From frames to files: what is told, and what stays whatever ends the work."""

import json
import os
import signal
import threading

import pytest
from PIL import Image

from tests.detect.blobs import detect_to, finds_one
from tests.detect.video_files import content_of, write_video
from yolact_tf.detect.sinks.background import InBackground
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import find_sources
from yolact_tf.detect.stream import stream
from yolact_tf.detect.writing import write_detections


def test_rows_say_which_frame_they_are_of(tmp_path):
    Image.new("RGB", (20, 10), "red").save(tmp_path / "a.png")
    write_video(tmp_path / "b.mp4", frames=3)
    told = []
    assert detect_to(tmp_path / "out", tmp_path, progress=told.append) == (4, 4)
    assert told == [1, 2, 3, 4]
    rows = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [(r["image_id"], r["file_name"], r.get("frame"), r.get("seconds")) for r in rows] == [
        (1, "a.png", None, None),
        (2, "b.mp4", 1, 0.0),
        (3, "b.mp4", 2, 0.04),
        (4, "b.mp4", 3, 0.08),
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_what_was_done_before_the_end_is_of_use(error, tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=50, sound="aac")
    seen = []

    def detect(image):
        seen.append(image)
        if len(seen) == 21:
            raise error
        return finds_one(image)

    with pytest.raises(error):
        detect_to(tmp_path / "out", path, detect)
    after = content_of(tmp_path / "out" / "clip.mp4")
    assert len(after.times) == 20 and after.seconds == pytest.approx(0.8, abs=0.01)
    last_sound = after.sound[0][1][-1][0]
    assert 0.6 < last_sound < 1.0  # with the picture, not to the end
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text())) == 20
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["clip.mp4", "detections.json"]


class Impatient(Sink):
    """Is interrupted while it is closed."""

    is_closed = False

    def close(self):
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.5)  # for the other thread to hear of it
        self.is_closed = True


def test_ctrl_c_once_more_lets_sinks_end():
    sink = Impatient()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt), InBackground([sink]):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
    assert sink.is_closed


class Broken(Sink):
    """Takes a frame and then no more."""

    def __init__(self):
        self.count, self.is_closed = 0, False

    def add(self, frame, found):
        self.count += 1
        if self.count > 1:
            raise OSError("no room")

    def close(self):
        self.is_closed = True


class Counting(Sink):
    def __init__(self):
        self.count, self.is_closed = 0, False

    def add(self, frame, found):
        self.count += 1

    def close(self):
        self.is_closed = True


def test_a_sink_that_breaks_ends_the_work_and_all_are_closed(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=100)
    sinks = [Counting(), Broken(), Counting()]
    with pytest.raises(OSError, match="no room"):
        write_detections(stream(finds_one, find_sources(path)), sinks, lambda found: found)
    assert [sink.is_closed for sink in sinks] == [True] * 3
    assert [sink.count for sink in sinks] == [2, 2, 1]


def test_an_error_with_the_last_frame_is_heard_too(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(OSError, match="no room"):
        write_detections(stream(finds_one, find_sources(path)), [Broken()], lambda found: found)


class Full(Sink):
    """Takes all frames, and has no room for its end."""

    def close(self):
        raise OSError("no room")


def test_an_error_at_the_end_is_heard_too(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=2)
    with pytest.raises(OSError, match="no room"):
        write_detections(stream(finds_one, find_sources(path)), [Full()], lambda found: found)
