"""Frames with what was found in them, given to what writes files."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.background import InBackground
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import Frame


class Written(NamedTuple):
    """How much was looked at, and shown of it."""

    frames: int = 0
    objects: int = 0


def write_detections(
    found: Generator[tuple[Frame, Detections], None, None],
    sinks: Sequence[Sink],
    choose: Callable[[Detections], Detections],
    progress: Callable[[int], None] = lambda done: None,
) -> Written:
    """Gives each frame, with what `choose` leaves of its detections, to `sinks`, which work in a thread.

    All are closed whatever happens, so that what was written until an error or Ctrl-C is of use.
    """
    written = Written()
    with InBackground(sinks) as sink, contextlib.closing(found):
        for frame, detections in found:
            chosen = choose(detections)
            sink.add(frame, chosen)
            written = Written(written.frames + 1, written.objects + len(chosen))
            progress(written.frames)
    return written
