"""Knows objects again that come out from behind others: their tracks go on under the id that they had.

A tracker extrapolates boxes, and the box of an object that slips behind another one shrinks from one side
as if it slowed down. Here its motion is taken from when it was in full view.
"""

from collections import Counter, deque
from typing import NamedTuple

import numpy as np

from yolact_tf.detect.detections import Detections

_WATCHED = 1.0  # seconds of motion that count
_FULL_VIEW = 0.8  # of the largest area of late


class _Sight(NamedTuple):
    seconds: float
    center: np.ndarray  # x, y
    size: np.ndarray  # width, height


class _Known:
    """What was seen of an object."""

    def __init__(self):
        self.sights: deque[_Sight] = deque()
        self.names: Counter[str] = Counter()

    def see(self, sight: _Sight, name: str) -> None:
        self.names[name] += 1
        self.sights.append(sight)
        while sight.seconds - self.sights[0].seconds > _WATCHED:
            self.sights.popleft()

    def distance(self, sight: _Sight) -> float:
        """How far `sight` is from the way that the object went since it was last seen, in its own sizes."""
        full = max(np.prod(seen.size) for seen in self.sights)
        in_view = [seen for seen in self.sights if np.prod(seen.size) >= _FULL_VIEW * full]
        first, last = in_view[0], in_view[-1]
        velocity = (last.center - first.center) / max(last.seconds - first.seconds, 1e-6)
        # It may have slowed down, or turned, behind the other: it is anywhere on the way.
        start, way = self.sights[-1].center, velocity * (sight.seconds - last.seconds)
        way = last.center + way - start
        share = np.clip(np.dot(sight.center - start, way) / max(np.dot(way, way), 1e-6), 0, 1)
        return float(np.linalg.norm(sight.center - start - share * way) / np.linalg.norm(last.size))


class Reunion:
    """Ids of a tracker in, frame by frame, ids that also outlast what it lost sight of out.

    lost_seconds: after which nobody is known again.
    """

    def __init__(self, lost_seconds: float):
        self._lost_seconds = lost_seconds
        self._known: dict[int, _Known] = {}
        self._id_of: dict[int, int] = {}  # of the tracker's

    def __call__(self, found: Detections, track_ids: np.ndarray, seconds: float) -> np.ndarray:
        """Ids [n] of the detections of the next frame; below 0 where `track_ids` [n] are."""
        boxes = found.boxes.astype(float)
        sights = [
            _Sight(seconds, center, size)
            for center, size in zip(
                (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2], strict=True
            )
        ]
        self._forget(seconds)
        tracked = np.flatnonzero(track_ids >= 0).tolist()
        new = [row for row in tracked if int(track_ids[row]) not in self._id_of]
        present = {self._id_of[int(track_ids[row])] for row in tracked if row not in new}
        self._reunite({row: sights[row] for row in new}, found.class_names, track_ids, present)
        ids = track_ids.copy()
        for row in tracked:
            ids[row] = self._id_of[int(track_ids[row])]
            self._known.setdefault(int(ids[row]), _Known()).see(sights[row], found.class_names[row])
        return ids

    def _reunite(self, new, names, track_ids, present):
        """Gives new tracks the ids of objects that are out of sight, the nearest first, else their own."""
        pairs = sorted(
            (known.distance(sight), row, key)
            for row, sight in new.items()
            for key, known in self._known.items()
            if key not in present and known.names.most_common(1)[0][0] == names[row]
        )
        for distance, row, key in pairs:
            track = int(track_ids[row])
            if distance <= 1 and track not in self._id_of and key not in present:
                self._id_of[track] = key
                present.add(key)
        for row in new:
            self._id_of.setdefault(int(track_ids[row]), int(track_ids[row]))

    def _forget(self, seconds):
        self._known = {
            key: known
            for key, known in self._known.items()
            if seconds - known.sights[-1].seconds <= self._lost_seconds
        }
