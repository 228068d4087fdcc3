"""How the time of detection grows with the image, with what is found in it, and with the batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yolact_tf.benchmark.candidates import Candidate
from yolact_tf.benchmark.rounds import interleaved, time_whole, timed
from yolact_tf.benchmark.samples import Sample
from yolact_tf.benchmark.spread import Spread
from yolact_tf.structures import Progress

FEWEST = 3  # rounds a point
LONGER_SIDES = (320, 640, 1280, 2560)  # pixels
DETECTIONS = (1, 10, 25, 50, 100)
BATCHES = (1, 2, 4, 8)
LARGER_BATCHES = (16, 32)


@dataclass(frozen=True)
class Growth:
    """What each model takes at some values of one thing, in milliseconds."""

    what: str  # takes so long
    over: str  # what varies, with its unit
    values: tuple[int, ...]
    spreads: tuple[tuple[Spread, ...], ...]  # of each model, at each value


def over_batches(
    candidates: Sequence[Candidate],
    sample: Sample,
    batches: Sequence[int],
    rounds: int,
    progress: Progress | None = None,
) -> Growth:
    """Decoded images to detections, so many at once: the same image, so that all are of one size."""
    image = sample.pixels

    def at(batch):
        def time_one(number, index, timings):
            timings.calls.append(timed(candidates[index].detector.engine.batch, [image] * batch)[1])

        timings = interleaved(len(candidates), max(FEWEST, rounds // batch), time_one)
        return [Spread.of(timing.calls) for timing in timings]

    return _growth("a batch, decoded images to detections", "images in a batch", batches, at, progress)


def over_sizes(
    candidates: Sequence[Candidate], sample: Sample, rounds: int, progress: Progress | None = None
) -> Growth:
    """An image of several sizes, from bytes to a picture."""

    def at(side):
        resized = sample.resized(side)
        image = resized.pixels

        def time_one(number, index, timings):
            time_whole(candidates[index].detector, resized.encoded, image, timings)

        timings = interleaved(len(candidates), max(FEWEST, rounds // 4), time_one)
        return [Spread.of(timing.wholes) for timing in timings]

    return _growth("an image, bytes to picture", "pixels of its longer side", LONGER_SIDES, at, progress)


def over_detections(
    candidates: Sequence[Candidate], samples: Sequence[Sample], rounds: int, progress: Progress | None = None
) -> Growth | None:
    """Upsampling and drawing of so many detections: those of an image, again and again.

    What comes before has a fixed number of slots. None where all models find something in no image.
    """
    for sample in samples:
        image = sample.pixels
        found = [candidate.detector(image) for candidate in candidates]
        if all(map(len, found)):
            break
    else:
        return None

    def at(count):
        def time_one(number, index, timings):
            some = found[index][np.arange(count) % len(found[index])]
            _, upsampled = timed(lambda: some.windows)
            timings.wholes.append(upsampled + timed(some.draw, image)[1])

        timings = interleaved(len(candidates), max(FEWEST, rounds // 4), time_one)
        return [Spread.of(timing.wholes) for timing in timings]

    return _growth("upsampling and drawing", "detections", DETECTIONS, at, progress)


def _growth(what, over, values, at, progress):
    points = []
    for done, value in enumerate(values, 1):
        points.append(at(value))
        if progress:
            progress(done, len(values))
    return Growth(what, over, tuple(values), tuple(zip(*points, strict=True)))
