"""What opening a data set found that its user should know, told each time that it is opened."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from yolact_tf.data.coco.boxless import tell_boxes
from yolact_tf.data.tally import Counted, Tally
from yolact_tf.images.inspection import ALPHA

logger = logging.getLogger(__name__)

NONE = Counted(0, "")
_MOST_TOLD = 10


class LeftOut(NamedTuple):
    """Why an image, an annotation or a polygon cannot be used."""

    file_name: str  # of the image, "" where the annotation file is to blame
    reason: str

    def in_words(self, annotation_file: Path, image_folder: Path) -> str:
        """One line that names the file."""
        file = image_folder / self.file_name if self.file_name else annotation_file
        return f"{file}: {self.reason}"


@dataclass
class Findings:
    """What was found in an annotation file and its images."""

    num_left_out: int = 0
    left_out: list[LeftOut] = field(default_factory=list)  # the first ones
    boxes: Counted = NONE  # without a mask; the first annotation
    with_alpha: Counted = NONE  # images; the first file name
    turned: Counted = NONE  # images whose objects turn with them; the first file name
    accents: Tally = field(default_factory=Tally)

    def leave_out(self, file_name: str, reason: object) -> None:
        """Notes one more thing that cannot be used."""
        self.num_left_out += 1
        if len(self.left_out) < _MOST_TOLD:
            self.left_out.append(LeftOut(file_name, str(reason)))

    def tell(self, annotation_file: Path, image_folder: Path, on_error: str, boxless: str) -> None:
        """Says in a line each what was found. ValueError for what is to be refused: `load_coco`'s arguments
        say what.
        """
        if self.accents:
            logger.warning("%s: not in plain form: %s", annotation_file, self.accents.in_words())
        if self.with_alpha.count:
            logger.warning("%s: %d images, %s first, have %s", annotation_file, *self.with_alpha, ALPHA)
        tell_boxes(self.boxes, boxless, annotation_file)
        self._tell_left_out(annotation_file, image_folder, on_error)
        if self.turned.count:
            logger.warning(
                "%s: the annotations of %d images, %s first, are of the pixels as stored, and turned with "
                "the image by its EXIF orientation",
                *(annotation_file, self.turned.count, image_folder / self.turned.example),
            )

    def _tell_left_out(self, annotation_file, image_folder, on_error):
        lines = [left_out.in_words(annotation_file, image_folder) for left_out in self.left_out]
        if lines and on_error == "refuse":
            more = f" (and {self.num_left_out - 1} more)" if self.num_left_out > 1 else ""
            raise ValueError(f"{lines[0]}{more}")
        for line in lines:
            logger.warning("left out: %s", line)
        if self.num_left_out > len(lines):
            logger.warning("left out: %d more of %s", self.num_left_out - len(lines), annotation_file)
