"""What the image files of frames are called in a folder of their own."""

import itertools
from pathlib import PurePosixPath

from yolact_tf.detect.sources import Frame
from yolact_tf.images.inspection import SUFFIXES


class FrameNames:
    """Names of frames, with "/" between folders; no two differ by their endings alone, for files beside them.

    A still is called as its source is, and a frame of a video `VIDEO_000012.jpg`.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def of(self, frame: Frame) -> str:
        """The name of the next frame."""
        path = PurePosixPath(frame.name)
        stem = str(path.with_suffix(""))
        suffix = path.suffix if path.suffix.lower() in SUFFIXES else ".png"
        if frame.seconds is not None:
            stem, suffix = f"{stem}_{frame.number:06}", ".jpg"
        numbered = (f"{stem}_{number}" for number in itertools.count(2))
        free = next(s for s in itertools.chain([stem], numbered) if s not in self._taken)
        self._taken.add(free)
        return free + suffix
