"""Everything that is measured of models, one thing after the other."""

import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from yolact_tf.benchmark.candidates import Candidate
from yolact_tf.benchmark.growth import BATCHES, LARGER_BATCHES, over_batches, over_detections, over_sizes
from yolact_tf.benchmark.memory import measure_memory
from yolact_tf.benchmark.report import Report, describe_machine, report_on
from yolact_tf.benchmark.rounds import time_rounds
from yolact_tf.benchmark.samples import Sample
from yolact_tf.structures import Progress

logger = logging.getLogger(__name__)

SWEEPS = ("size", "detections", "batch")
# Of the title of a piece of work, what tells how far it is.
Tell = Callable[[str], AbstractContextManager[Progress]]


def compare(
    candidates: Sequence[Candidate],
    samples: Sequence[Sample],
    rounds: int = 50,
    sweeps: Sequence[str] = (),
    tell: Tell = lambda title: contextlib.nullcontext(lambda done, total: None),
) -> Report:
    """The Report of models that are shown the same images in turn.

    rounds: calls of each that are counted.  sweeps: among SWEEPS, what is varied in addition; "batch" goes
    on to larger ones.
    """
    _require_something(candidates, samples, rounds, sweeps)
    with tell("latency") as progress:
        timings = time_rounds(candidates, samples, rounds, progress)
    sizes = (*BATCHES, *(LARGER_BATCHES if "batch" in sweeps else ()))
    with tell("batches") as progress:
        batches = over_batches(candidates, samples[0], sizes, rounds, progress)
    growths = list(_growths(candidates, samples, rounds, sweeps, tell))
    with tell("memory") as progress:
        memories = list(_memories(candidates, samples[0], progress))
    reports = [
        report_on(candidate, timing, timings[0], memory)
        for candidate, timing, memory in zip(candidates, timings, memories, strict=True)
    ]
    images = tuple(sample.described() for sample in samples)
    return Report(describe_machine(), rounds, images, tuple(reports), batches, tuple(growths))


def _require_something(candidates, samples, rounds, sweeps):
    if rounds < 1 or not candidates or not samples:
        raise ValueError(
            "Expected one model, image and round or more. "
            f"Received: {len(candidates)} models, {len(samples)} images, {rounds} rounds"
        )
    if unknown := sorted(set(sweeps) - set(SWEEPS)):
        raise ValueError(f"`sweeps` must be among {list(SWEEPS)}. Received: {unknown}")


def _growths(candidates, samples, rounds, sweeps, tell):
    if "size" in sweeps:
        with tell("image sizes") as progress:
            yield over_sizes(candidates, samples[0], rounds, progress)
    if "detections" in sweeps:
        with tell("numbers of detections") as progress:
            growth = over_detections(candidates, samples, rounds, progress)
        if growth:
            yield growth
        else:
            logger.warning("numbers of detections are left out: in none of the images do all models find any")


def _memories(candidates, sample, progress):
    for done, candidate in enumerate(candidates, 1):
        yield measure_memory(candidate, sample)
        progress(done, len(candidates))
