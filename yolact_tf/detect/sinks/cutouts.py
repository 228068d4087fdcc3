"""Objects cut out of their images."""

import re
from pathlib import Path, PurePosixPath

from PIL import Image

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.frame_names import FrameNames
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import Frame
from yolact_tf.files import atomic_path


class Cutouts(Sink):
    """Writes each object to FOLDER/FRAME/NUMBER_CLASS.png, transparent around it; the first is number 1."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._names = FrameNames()

    def add(self, frame: Frame, found: Detections) -> None:
        folder = self.folder / PurePosixPath(self._names.of(frame)).with_suffix("")
        pairs = zip(found.class_names, found.cutouts(frame.image), strict=True)
        for number, (name, picture) in enumerate(pairs, 1):
            if picture.size:
                folder.mkdir(parents=True, exist_ok=True)
                plain = re.sub(r"[^\w.-]+", "_", name)
                with atomic_path(folder / f"{number:02}_{plain}.png", suffix=".png") as temporary:
                    Image.fromarray(picture).save(temporary)

    def close(self) -> None:
        """Nothing is left to write."""
