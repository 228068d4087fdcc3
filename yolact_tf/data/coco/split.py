"""A folder with COCO annotations to checked records: boxes in corners 0..1, masks as run lengths."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from yolact_tf.config import DataConfig
from yolact_tf.data.coco.boxless import require_reading
from yolact_tf.data.coco.index import Index, digest_of
from yolact_tf.data.coco.layouts import find_split, is_documented
from yolact_tf.data.coco.packed import PackedRecords
from yolact_tf.data.coco.reading import read_split
from yolact_tf.data.coco.source import CocoSource
from yolact_tf.files import PathLike

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CocoSplit:
    """A Split whose records are in memory, or mapped into it from an index."""

    is_in_memory: ClassVar[bool] = True
    records: PackedRecords
    labels: dict[int, str]  # category id -> name, ids in rising order
    annotation_file: Path
    digest: str  # tells these annotations from others
    num_left_out: int = 0  # images that cannot be used

    @property
    def image_ids(self) -> Sequence[int | str]:
        """Of each image in turn: the annotations do not tell which of their images can be used."""
        return self.records.image_ids

    @property
    def origin(self) -> str:
        """What messages call the data."""
        return str(self.annotation_file)

    @property
    def num_images(self) -> int:
        """Images, empty ones included."""
        return len(self.records)

    @property
    def num_with_objects(self) -> int:
        """Images that have objects or crowds."""
        return int(self.records.has_objects.sum())

    @property
    def num_objects(self) -> int:
        """Objects in all, crowds left out."""
        return int((~self.records.columns["is_crowd"]).sum())

    def source(self, cache: str = "none", with_empty: bool = True) -> CocoSource:
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
        return CocoSource(self.records, cache, with_empty)


def load_coco(
    data: PathLike, split: str, on_error: str = "skip", boxless: str = DataConfig.boxless
) -> CocoSplit:
    """The images and objects of `split` in folder `data`, checked.

    on_error: a corrupt image, annotation or polygon is either named in the log and left out ("skip"), or
    refused with ValueError ("refuse"). A file that is not COCO JSON, or an annotation that names an
    image or category that is not there, is always refused, and so are images that TensorFlow does not decode.
    boxless: what an annotation of a box without a mask is, one of BOXLESS; the log tells how many there are.

    A large split is kept in an index (`data.coco.index`), from which it opens at once the next time.
    """
    require_reading(boxless)
    annotation_file, image_folder = find_split(data, split)
    if not is_documented(data, annotation_file, image_folder):
        logger.warning("%s: read as %s, with the images in %s/", annotation_file, split, image_folder)
    with open(annotation_file, "rb", buffering=0) as file:  # read in large chunks, then here and there
        digest = digest_of(file)
        index = Index(annotation_file, image_folder, boxless, digest)
        opened = index.opened() or read_split(file, annotation_file, image_folder, boxless, index)
    opened.findings.tell(annotation_file, image_folder, on_error, boxless)
    if not len(opened.records):
        raise ValueError(f"{annotation_file}: expected at least one readable image. Received none")
    return CocoSplit(opened.records, opened.labels, annotation_file, digest, opened.num_unusable)
