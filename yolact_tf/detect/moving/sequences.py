"""Frames of several videos in turn, each video followed for itself; stills are one sequence together."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.moving.counting import Tally, ZoneCounter
from yolact_tf.detect.moving.tracking import Tracker
from yolact_tf.detect.moving.zones import Line, Zone
from yolact_tf.draw.zone_marks import draw_lines, draw_zones
from yolact_tf.files import require_writable, write_text

_USUAL_RATE = 30.0  # frames a second of what does not say


class TimedFrame(Protocol):
    """What is asked of a frame."""

    @property
    def name(self) -> str:
        """The same for all frames of a video."""

    @property
    def seconds(self) -> float | None:
        """Since the video began; None for a still."""

    @property
    def lasts(self) -> float:
        """Seconds until the next; 0 where nobody knows."""


F = TypeVar("F", bound=TimedFrame)


def tracked(
    frames: Iterable[tuple[F, Detections]], lost_seconds: float = 2.0, score_threshold: float = 0.3
) -> Iterator[tuple[F, Detections]]:
    """The same frames, their detections with `track_ids`. As Tracker otherwise."""
    trackers: dict[str | None, Tracker] = {}
    for frame, found in frames:
        video = _video_of(frame)
        if video not in trackers:
            rate = 1 / frame.lasts if frame.lasts > 0 else _USUAL_RATE
            trackers[video] = Tracker(rate, lost_seconds, score_threshold)
        yield frame, trackers[video](found, frame.seconds)


class ZoneCounts:
    """Counts in zones and across lines of every video; writes counts.json when it is closed.

    A sink. `draw` shows what was counted up to the frame that was added last.
    """

    def __init__(self, zones: list[Zone], lines: list[Line], path: Path):
        require_writable(path)
        self.zones, self.lines, self.path = zones, lines, path
        self._counters: dict[str | None, ZoneCounter] = {}
        self._tally: Tally | None = None

    def add(self, frame: TimedFrame, found: Detections) -> None:
        """Counts the next frame."""
        video = _video_of(frame)
        if video not in self._counters:
            self._counters[video] = ZoneCounter(self.zones, self.lines)
        self._tally = self._counters[video](found)

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """A copy of a picture [H, W, 3] of the last frame with zones, lines and their counts."""
        if self._tally is None:
            return picture.copy()
        inside = [f"{zone.name}: {n}" for zone, n in zip(self.zones, self._tally.inside, strict=True)]
        ways = [f"{line.name}: in {i}, out {o}" for line, (i, o) in zip(self.lines, self._tally.crossings)]
        picture = draw_zones(picture, [zone.points for zone in self.zones], inside)
        return draw_lines(picture, [line.points for line in self.lines], ways)

    def close(self) -> None:
        """Writes the counts: a list of what `ZoneCounter.totals` says of each video, with its `file_name`,
        null for all stills."""
        rows = [{"file_name": video, **counter.totals()} for video, counter in self._counters.items()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(rows) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _video_of(frame):
    return None if frame.seconds is None else frame.name
