"""Counts in zones and across lines: counts.json, and marks on pictures."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.moving import Line, Zone, ZoneCounter
from yolact_tf.detect.moving.counting import Tally
from yolact_tf.detect.moving.sequences import TimedFrame, video_of
from yolact_tf.detect.sinks.refusals import require_rows
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.draw.zone_marks import draw_captions, draw_marks, place_captions
from yolact_tf.files import require_writable, write_text

NAME = "counts.json"
_ROW_KEYS = {"file_name", "frames", "zones", "lines"}


class ZoneCounts(Sink):
    """Counts in zones and across lines of each video, of all stills together; writes counts.json at the end.

    counts.json: a list of what `ZoneCounter.totals` says of each video, with its `file_name`, null for
    stills. ValueError, before anything is counted, where the file cannot be written or is not ours.
    """

    def __init__(self, zones: Sequence[Zone], lines: Sequence[Line], folder: Path):
        self.path = folder / NAME
        require_rows(self.path, _ROW_KEYS, "the counts")
        require_writable(self.path)
        self.zones, self.lines = zones, lines
        self._counters: dict[str | None, ZoneCounter] = {}
        self._tally: Tally | None = None

    def add(self, frame: TimedFrame, found: Detections) -> None:
        video = video_of(frame)
        if video not in self._counters:
            self._counters[video] = ZoneCounter(self.zones, self.lines)
        self._tally = self._counters[video](found)

    def draw(self, image: np.ndarray, found: Detections) -> np.ndarray:
        """The picture of what was found in `image` [H, W, 3], of the frame added last, with zones, lines and
        their counts."""
        if self._tally is None:
            raise ValueError("Expected a frame to be counted before it is drawn. Received none")
        inside = [f"{zone.name}: {n}" for zone, n in zip(self.zones, self._tally.inside, strict=True)]
        ways = [
            f"{line.name}: in {into}, out {out}"
            for line, (into, out) in zip(self.lines, self._tally.crossings, strict=True)
        ]
        marks = [zone.points for zone in self.zones], [line.points for line in self.lines]
        captions = place_captions(*marks, [*inside, *ways], image.shape[:2])
        # Marks below, so that they cross no object's name.
        drawn = found.draw(draw_marks(image, *marks), [c.extent for c in captions])
        return draw_captions(drawn, captions)

    def close(self) -> None:
        rows = [{"file_name": video, **counter.totals()} for video, counter in self._counters.items()]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, json.dumps(rows) + "\n")
