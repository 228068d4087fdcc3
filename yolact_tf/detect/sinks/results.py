"""detections.json: COCO results of all frames."""

import contextlib
import json
from pathlib import Path

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.refusals import named, require_rows
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import Frame
from yolact_tf.files import atomic_path, require_writable

NAME = "detections.json"
_ROW_KEYS = {"image_id", "category_id", "segmentation", "file_name"}


class ResultsFile(Sink):
    """Writes COCO results, a row a detection, to detections.json in a folder as they come.

    `image_id` counts all frames from 1. `file_name` is the source's name; rows of a video also have `frame`,
    its number in the video from 1, and `seconds`, its time. ValueError, before anything is written, where
    the file cannot be written or is not ours.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        require_rows(self.path, _ROW_KEYS, "the results")
        require_writable(self.path)
        self._place = contextlib.ExitStack()
        self._temporary: Path | None = None
        self._separator = ""

    def add(self, frame: Frame, found: Detections) -> None:
        if self._temporary is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = Path(self._place.enter_context(atomic_path(self.path)))
            self._append("[")
        where: dict[str, str | float] = {"file_name": frame.name}
        if frame.seconds is not None:
            where |= {"frame": frame.number, "seconds": round(frame.seconds, 6)}
        rows = [json.dumps({**row, **where}) for row in found.to_coco(frame.image_id)]
        if rows:
            self._append(self._separator + ", ".join(rows))
            self._separator = ", "

    def close(self) -> None:
        with self._place:
            if self._temporary is not None:
                self._append("]\n")
                self._temporary = None

    def _append(self, text):
        with named(self.path), open(self._temporary, "a", encoding="utf-8") as file:
            file.write(text)
