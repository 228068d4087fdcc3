"""ZoneCounter: how many objects are in zones, how many were, and how many crossed lines."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.moving.as_supervision import boxes_at, boxes_of
from yolact_tf.detect.moving.zones import Line, Zone
from yolact_tf.packages import require_package

logger = logging.getLogger(__name__)
_REMEMBERED = 300  # frames for which an object that is out of sight is taken to be where it was last seen


class Tally(NamedTuple):
    """What zones and lines say after a frame."""

    inside: tuple[int, ...]  # of each zone, objects in it now
    crossings: tuple[tuple[int, int], ...]  # of each line, objects that went in and out so far


class ZoneCounter:
    """Counts the objects of one video in zones and across lines (supervision's PolygonZone and LineZone).

    Lines, and how many were in a zone in all, need detections with `track_ids`. ImportError, with what
    installs it, where the package is missing.
    """

    def __init__(self, zones: Sequence[Zone], lines: Sequence[Line] = ()):
        self.zones, self.lines = tuple(zones), tuple(lines)
        sv = require_package("supervision", "track", "Zones and lines")
        center = [sv.Position.CENTER]
        self._areas = [sv.PolygonZone(np.array(zone.points), center) for zone in zones]
        self._borders = [sv.LineZone(*(sv.Point(*p) for p in line.points), center) for line in lines]
        self._inside: list[list[int]] = [[] for _ in zones]  # by frame
        self._visitors: list[set[int]] = [set() for _ in zones]
        self._crossings: list[dict[str, Counter[int]]] = [  # by track
            {"in": Counter(), "out": Counter()} for _ in lines
        ]
        self._names: dict[int, Counter[str]] = {}  # of each track, the classes that it was found to be
        self._last_seen: dict[int, tuple[int, np.ndarray]] = {}  # of each track, frame and box
        self._num_frames = 0

    def __call__(self, found: Detections) -> Tally:
        """Counts the next frame. ValueError where lines are given and `found` has no `track_ids`."""
        if self.lines and found.track_ids is None:
            raise ValueError("Lines count who crosses them. Expected `track_ids`. Received: none")
        if not self._num_frames:
            self._tell_of_what_lies_outside(found.image_size)
        self._num_frames += 1
        boxes = boxes_of(found)
        is_inside = [area.trigger(boxes) for area in self._areas]
        for inside, is_in in zip(self._inside, is_inside, strict=True):
            inside.append(int(is_in.sum()))
        if found.track_ids is not None:
            self._follow(found.track_ids, found, is_inside)
        now = tuple(inside[-1] for inside in self._inside)
        return Tally(now, tuple((border.in_count, border.out_count) for border in self._borders))

    def totals(self) -> dict[str, Any]:
        """What was counted, as counts.json has it: of each zone how many were inside by frame and at most,
        and, where tracked, how many visited it by class; of each line who went in and out by class."""
        zones = []
        for zone, inside, visitors in zip(self.zones, self._inside, self._visitors, strict=True):
            row = {"name": zone.name, "points": zone.points, "most": max(inside, default=0)}
            if self._names:
                row["visitors"] = self._by_class(Counter(visitors))
            zones.append({**row, "inside": inside})
        lines = [
            {"name": line.name, "points": line.points, **{way: self._by_class(n) for way, n in ways.items()}}
            for line, ways in zip(self.lines, self._crossings, strict=True)
        ]
        return {"frames": self._num_frames, "zones": zones, "lines": lines}

    def _tell_of_what_lies_outside(self, image_size):
        height, width = image_size
        for mark in (*self.zones, *self.lines):
            low, high = np.min(mark.points, 0), np.max(mark.points, 0)
            if (low >= (width, height)).any() or (high < 0).any():
                logger.warning(
                    "%s lies outside the picture: expected points within %d x %d. Received: %s",
                    mark.name,
                    width,
                    height,
                    mark.points,
                )

    def _follow(self, track_ids, found, is_inside):
        for track, name, box in zip(track_ids.tolist(), found.class_names, found.boxes, strict=True):
            if track >= 0:
                self._names.setdefault(track, Counter())[name] += 1
                self._last_seen[track] = self._num_frames, box
        for visitors, is_in in zip(self._visitors, is_inside, strict=True):
            visitors.update(track_ids[is_in & (track_ids >= 0)].tolist())
        # LineZone forgets at once where an object was that it does not see, and would miss one that is hidden
        # while it crosses.
        forgotten = self._num_frames - _REMEMBERED
        self._last_seen = {t: seen for t, seen in self._last_seen.items() if seen[0] > forgotten}
        known = np.array(list(self._last_seen), int)
        boxes = np.array([box for _, box in self._last_seen.values()], np.float32).reshape(-1, 4)
        for border, ways in zip(self._borders, self._crossings, strict=True):
            for way, has_crossed in zip(ways.values(), border.trigger(boxes_at(boxes, known)), strict=True):
                way.update(known[has_crossed].tolist())

    def _by_class(self, counts):
        """Counts by track as counts by class: the one that a track was found to be most often."""
        by_class: Counter[str] = Counter()
        for track, count in counts.items():
            by_class[self._names[track].most_common(1)[0][0]] += count
        return dict(sorted(by_class.items()))
