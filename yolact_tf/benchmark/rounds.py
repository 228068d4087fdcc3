"""Rounds of calls, one of each model after the other, so that what slows the machine slows all alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yolact_tf.benchmark.candidates import Candidate
from yolact_tf.benchmark.samples import Sample
from yolact_tf.benchmark.stages import DECODE, DRAW, UPSAMPLING, Part, parts_of
from yolact_tf.detect.detector import Detector
from yolact_tf.detect.image_inputs import pixels_of
from yolact_tf.structures import Progress

WARM_UP = 3  # rounds that are not counted: graphs are traced, caches filled


@dataclass
class Timings:
    """Seconds of one model, round by round."""

    stages: dict[tuple[str, ...], list[float]] = field(default_factory=dict)  # of each apart
    calls: list[float] = field(default_factory=list)  # of a Detector, from bytes to Detections
    wholes: list[float] = field(default_factory=list)  # from bytes to a picture, as users do it
    counts: list[int] = field(default_factory=list)  # of objects

    def add(self, stages: tuple[str, ...], seconds: float) -> None:
        """Adds what these stages took in one round."""
        self.stages.setdefault(stages, []).append(seconds)


def time_rounds(
    candidates: Sequence[Candidate], samples: Sequence[Sample], rounds: int, progress: Progress | None = None
) -> list[Timings]:
    """Timings of each candidate over `rounds`, in each of which all are shown the same one of the samples."""
    parts = [parts_of(candidate.detector.engine) for candidate in candidates]
    images = [sample.pixels for sample in samples]

    def time_one(number, index, timings):
        which = number % len(samples)
        _time_stages(parts[index], samples[which].encoded, timings)
        time_whole(candidates[index].detector, samples[which].encoded, images[which], timings)

    return interleaved(len(candidates), rounds, time_one, progress)


def interleaved(
    num_models: int,
    rounds: int,
    time_one: Callable[[int, int, Timings], None],
    progress: Progress | None = None,
) -> list[Timings]:
    """What `time_one(round, model, timings)` adds to the Timings of each model after warming up.

    Each round begins with another model, so that none always follows the same one.
    """
    warm, counted = ([Timings() for _ in range(num_models)] for _ in range(2))
    for number in range(WARM_UP + rounds):
        timings = warm if number < WARM_UP else counted
        for turn in range(num_models):
            model = (number + turn) % num_models
            time_one(number, model, timings[model])
        if progress:
            progress(number + 1, WARM_UP + rounds)
    return counted


def time_whole(detector: Detector, encoded: bytes, image: np.ndarray, timings: Timings) -> None:
    """Adds what users do with an image, from its bytes to a picture. image: the same, decoded."""
    found, called = timed(detector, encoded)
    _, upsampled = timed(lambda: found.windows)
    _, drawn = timed(found.draw, image)
    timings.add((UPSAMPLING,), upsampled)
    timings.add((DRAW,), drawn)
    timings.calls.append(called)
    timings.wholes.append(called + upsampled + drawn)
    timings.counts.append(len(found))


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What a call answers, and the seconds that it took."""
    started = time.perf_counter()
    answer = function(*arguments)
    return answer, time.perf_counter() - started


def _time_stages(parts: Sequence[Part], encoded, timings):
    pixels, seconds = timed(pixels_of, encoded)
    timings.add((DECODE,), seconds)
    passed: Any = [pixels.rgb]
    for part in parts:
        passed, seconds = timed(part.run, passed)
        timings.add(part.stages, seconds)
