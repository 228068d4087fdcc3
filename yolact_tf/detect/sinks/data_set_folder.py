"""What was found as a data set of another tool, to be corrected by hand or learnt from."""

import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from PIL import Image

from yolact_tf.data.convert import WRITERS
from yolact_tf.data.convert.data_set import Category, DataSet, Picture
from yolact_tf.data.convert.png_pictures import called_png
from yolact_tf.detect.annotations import picture_of
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.frame_names import FrameNames
from yolact_tf.detect.sinks.refusals import named
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import Frame
from yolact_tf.files import new_folder

logger = logging.getLogger(__name__)
_SPLIT = "train"  # a person says what of it is to validate
_QUALITY = 95  # of the JPEG that a frame of a video becomes


class DataSetFolder(Sink):
    """Writes frames with what was found in them as a data set, a new folder that appears when it is closed.

    format_name: a key of WRITERS.  labels: category id -> name of all classes.
    Image files are linked, or copied where the disk knows no links; frames of videos become JPEGs.
    ValueError, before anything is written, where the format cannot hold classes of these names.
    """

    def __init__(self, folder: Path, format_name: str, labels: Mapping[int, str]):
        self.folder, self._write = folder, WRITERS[format_name]
        self._categories = {category_id: Category(name) for category_id, name in labels.items()}
        self._names = FrameNames()
        self._pictures: list[Picture] = []
        self._stored: tempfile.TemporaryDirectory[str] | None = None  # frames that are no files
        with tempfile.TemporaryDirectory() as trial:
            self._write(DataSet(self._categories, {}), Path(trial))

    def add(self, frame: Frame, found: Detections) -> None:
        name = self._names.of(frame)
        self._pictures.append(picture_of(found, name, self._source(frame, name)))

    def close(self) -> None:
        pictures, self._pictures = self._pictures, []
        try:
            if pictures:
                data_set = called_png(DataSet(self._categories, {_SPLIT: tuple(pictures)}))
                with new_folder(self.folder) as made:
                    losses = self._write(data_set, made).losses
                if losses:
                    logger.warning("%s does not hold: %s", self.folder, losses.in_words())
        finally:
            if self._stored:
                self._stored.cleanup()

    def _source(self, frame, name):
        """The image file of a frame; what is none is written into a folder that goes when this is closed."""
        file = Path(frame.source.place)
        if frame.seconds is None and file.is_file():
            return file
        if self._stored is None:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self._stored = tempfile.TemporaryDirectory(prefix=".frames-", dir=self.folder.parent)
        stored = Path(self._stored.name) / f"{len(self._pictures)}{PurePosixPath(name).suffix}"
        with named(self.folder):
            Image.fromarray(frame.image).save(stored, quality=_QUALITY)
        return stored
