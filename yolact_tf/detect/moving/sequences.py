"""Frames of several videos in turn, each video followed for itself; stills are one sequence together."""

from collections.abc import Generator, Iterable
from typing import Protocol, TypeVar

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.moving.tracking import Tracker

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
) -> Generator[tuple[F, Detections], None, None]:
    """The same frames, their detections with `track_ids`. As Tracker otherwise."""
    trackers: dict[str | None, Tracker] = {}
    for frame, found in frames:
        video = video_of(frame)
        if video not in trackers:
            rate = 1 / frame.lasts if frame.lasts > 0 else _USUAL_RATE
            trackers[video] = Tracker(rate, lost_seconds, score_threshold)
        yield frame, trackers[video](found, frame.seconds)


def video_of(frame: TimedFrame) -> str | None:
    """The video that a frame is of; None for all stills."""
    return None if frame.seconds is None else frame.name
