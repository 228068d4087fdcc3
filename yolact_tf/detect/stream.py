"""Sources in, their frames and what was found in each out; reading goes on while networks compute."""

import contextlib
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from yolact_tf.detect.abreast import abreast, calls_at_once
from yolact_tf.detect.ahead import ahead
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sources import Frame, Source

logger = logging.getLogger(__name__)
Detect = Callable[
    [Any], Any
]  # as a Detector: of an image its Detections, of a list of images a list of theirs
_UNREADABLE = (ValueError, OSError, ImportError, MemoryError)  # what a source raises
_LARGE = 8_000_000  # pixels; such a frame is a batch of its own


def stream(
    detect: Detect, sources: Sequence[Source], batch: int = 1
) -> Generator[tuple[Frame, Detections], None, None]:
    """Frames of `sources` in order, each with its Detections.

    detect: a Detector, or what wraps one, which two threads ask at once.  batch: frames that it is given at
    once, where above 1 as a list. What cannot be read is left out, and the log says so at the end;
    ValueError where that is all. Of what is live, frames that come while the network computes are passed
    over, all but the newest; the caller's thread computes then, one frame after the other.
    """
    reading = _Reading(sources)
    is_live = any(map(_is_live, sources))
    frames = ahead(reading.frames(), 2 * batch, lambda frame: frame.source.is_live)

    def detect_all(group):
        images = [frame.image for frame in group]
        return zip(group, detect(images) if len(group) > 1 else [detect(images[0])], strict=True)

    found = abreast(detect_all, _batches(frames, batch), 1 if is_live else calls_at_once())
    with contextlib.closing(frames), contextlib.closing(found):
        for pairs in found:
            yield from pairs
    reading.tell()


def total_frames(sources: Sequence[Source]) -> int | None:
    """How many frames `sources` have; None where one of them does not say."""
    counts = [source.num_frames for source in sources]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


class _Reading:
    """The frames of all sources, and what is wrong with them."""

    def __init__(self, sources):
        self.sources = sources
        self.left_out: list[str] = []
        self.unseen: dict[str, list[str]] = {}  # what is not seen -> of which

    def frames(self) -> Generator[Frame, None, None]:
        before = 0  # a file that cannot be read counts as one
        for source in self.sources:
            number = 1
            try:
                for frame in source.frames():
                    number = frame.number
                    for remark in frame.remarks:
                        self.unseen.setdefault(remark, []).append(frame.name)
                    yield frame._replace(image_id=before + number)
            except _UNREADABLE as error:
                self.left_out.append(str(error) or f"{source.place}: expected enough memory for it")
            before += number

    def tell(self):
        """Says in the log what of the sources was not seen. ValueError where that is all of them."""
        if len(self.left_out) == len(self.sources):
            raise ValueError(self.left_out[0])
        for problem in self.left_out:
            logger.warning("left out: %s", problem)
        for remark, names in self.unseen.items():
            logger.warning(
                "%d of %d images have %s: %s first", len(names), len(self.sources), remark, names[0]
            )


def _is_live(source):
    try:
        return source.is_live
    except _UNREADABLE:  # which reading tells of
        return False


def _batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    """Lists of `size` frames; of what is live or large, of one."""
    group: list[Frame] = []
    for frame in frames:
        height, width, _ = frame.image.shape
        group.append(frame)
        if len(group) == size or frame.source.is_live or height * width > _LARGE:
            yield group
            group = []
    if group:
        yield group
