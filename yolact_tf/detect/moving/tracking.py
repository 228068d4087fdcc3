"""Tracker: each object gets an id that it keeps from frame to frame."""

from dataclasses import replace

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.moving.as_supervision import boxes_of
from yolact_tf.detect.moving.reunion import Reunion
from yolact_tf.packages import require_package

_COASTING = 1.0  # seconds for which the tracker extrapolates a box that is out of sight


class Tracker:
    """Gives detections of one video, frame after frame, ids that last: ByteTrack of the package trackers, and
    `Reunion` for what comes out from behind others.

    frames_per_second: of the video; where frames say their time, that counts.  lost_seconds: how long an
    object may be out of sight and keep its id.  score_threshold: what begins a track; what scores less only
    goes on with one. ImportError, with what installs it, where the package is missing.
    """

    def __init__(
        self, frames_per_second: float = 30.0, lost_seconds: float = 2.0, score_threshold: float = 0.3
    ):
        trackers = require_package("trackers", "track", "Tracks")
        self._reunion = Reunion(lost_seconds)
        self._frame_seconds, self._num_frames = 1 / frames_per_second, 0
        self._tracker = trackers.ByteTrackTracker(
            lost_track_buffer=round(30 * min(lost_seconds, _COASTING)),  # in thirtieths of a second
            frame_rate=frames_per_second,
            track_activation_threshold=score_threshold,
            high_conf_det_threshold=score_threshold,
        )

    def __call__(self, found: Detections, seconds: float | None = None) -> Detections:
        """`found` of the next frame with `track_ids`, from 1; -1 for what is of no track, or not yet.

        seconds: when the frame was taken, later than the one before.
        """
        tracked = self._tracker.update(boxes_of(found), timestamp=seconds)
        track_ids = np.full(len(found), -1)
        if len(tracked):
            track_ids[tracked.data["row"]] = tracked.tracker_id
        self._num_frames += 1
        now = self._num_frames * self._frame_seconds if seconds is None else seconds
        track_ids = self._reunion(found, track_ids, now)
        return replace(found, track_ids=np.where(track_ids < 0, -1, track_ids + 1))
