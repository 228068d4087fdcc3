"""A folder with COCO annotations to checked records: boxes in corners 0..1, masks as run lengths."""

import concurrent.futures
import hashlib
import logging
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from yolact_tf.config import DataConfig
from yolact_tf.data.coco.boxless import Boxless
from yolact_tf.data.coco.entries import (
    ambiguous_keys,
    group_annotations,
    labels_of,
    parse_image,
    parse_object,
    require_one_name,
)
from yolact_tf.data.coco.layouts import find_split, is_documented
from yolact_tf.data.coco.plain_form import read_annotations
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.source import CocoSource
from yolact_tf.data.coco.turning import turn_between, turn_record
from yolact_tf.data.long_work import told
from yolact_tf.data.record import Record, corners_of
from yolact_tf.files import PathLike
from yolact_tf.images.inspection import ALPHA, FORMATS, glance_at_file

logger = logging.getLogger(__name__)


class _OtherFormat(ValueError):
    """An image that Pillow reads and TensorFlow does not."""


@dataclass(frozen=True)
class CocoSplit:
    """A Split whose records are in memory."""

    is_in_memory: ClassVar[bool] = True
    records: tuple[Record, ...]
    labels: dict[int, str]  # category id -> name, ids in rising order
    annotation_file: Path
    num_left_out: int = 0  # images that cannot be used

    @property
    def origin(self) -> str:
        """What messages call the data."""
        return str(self.annotation_file)

    @property
    def digest(self) -> str:
        """A text that tells these annotations from others."""
        return hashlib.sha256(self.annotation_file.read_bytes()).hexdigest()

    @property
    def num_images(self) -> int:
        """Images, empty ones included."""
        return len(self.records)

    @property
    def num_with_objects(self) -> int:
        """Images that have objects or crowds."""
        return sum(len(record.runs) > 0 for record in self.records)

    @property
    def num_objects(self) -> int:
        """Objects in all, crowds left out."""
        return sum(int((~record.is_crowd).sum()) for record in self.records)

    def source(self, cache: str = "none", with_empty: bool = True) -> CocoSource:
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
        return CocoSource([r for r in self.records if with_empty or len(r.runs)], cache)


def load_coco(
    data: PathLike, split: str, on_error: str = "skip", boxless: str = DataConfig.boxless
) -> CocoSplit:
    """The images and objects of `split` in folder `data`, checked.

    on_error: a corrupt image, annotation or polygon is either named in the log and left out ("skip"), or
    refused with ValueError ("refuse"). A file that is not COCO JSON, or an annotation that names an
    image or category that is not there, is always refused, and so are images that TensorFlow does not decode.
    boxless: what an annotation of a box without a mask is, one of BOXLESS; the log tells how many there are.
    """
    annotation_file, image_folder = find_split(data, split)
    if not is_documented(data, annotation_file, image_folder):
        logger.warning("%s: read as %s, with the images in %s/", annotation_file, split, image_folder)
    content, accents = read_annotations(annotation_file, image_folder)
    if accents:
        logger.warning("%s: not in plain form: %s", annotation_file, accents.in_words())
    labels = labels_of(content, annotation_file)
    require_one_name(content, labels, annotation_file)
    by_image = group_annotations(content, labels, annotation_file)
    problems: list[str] = []
    images = _usable_images(content, annotation_file, image_folder, problems)
    class_of = {category: index for index, category in enumerate(labels)}
    boxes = Boxless(boxless)
    records = [
        turn_record(_record(image, by_image[image.image_id], image_folder, class_of, problems, boxes), turn)
        for image, turn in told(images, len(images), annotation_file, "images: masks read")
    ]
    boxes.tell(annotation_file)
    _report(problems, annotation_file, on_error)
    _tell_turned(records, annotation_file)
    if not records:
        raise ValueError(f"{annotation_file}: expected at least one readable image. Received none")
    return CocoSplit(tuple(records), labels, annotation_file, len(content["images"]) - len(records))


def _usable_images(content, annotation_file, image_folder, problems):
    """[(ImageEntry, by which orientation its objects turn)] of whole files of the right size, each once."""
    entries = []
    for image in content["images"]:
        try:
            entries.append(parse_image(image))
        except Malformed as fault:
            problems.append(f"{annotation_file}: image {image['id']!r}: {fault}")
    ambiguous, distinct = ambiguous_keys(entries), dict.fromkeys(entries)
    for key, count in Counter(entry.image_id for entry in entries).items():
        if count > 1:
            problems.append(
                f"{annotation_file}: image {key!r}: expected ids to be unique. "
                f"Received: {key!r} {count} times"
            )
    distinct = [entry for entry in distinct if entry.image_id not in ambiguous]
    # Threads, since reading the files waits for the disk.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        looked = pool.map(lambda entry: _frame_or_fault(entry, image_folder), distinct)
        frames = list(told(looked, len(distinct), annotation_file, "images looked at"))
    _require_decodable([frame for frame in frames if isinstance(frame, _OtherFormat)], annotation_file)
    problems += [str(frame) for frame in frames if isinstance(frame, Exception)]
    usable = [pair for pair in zip(distinct, frames, strict=True) if not isinstance(pair[1], Exception)]
    with_alpha = [entry.file_name for entry, (_, has_alpha) in usable if has_alpha]
    if with_alpha:
        logger.warning(
            "%s: %d images, %s first, have %s", annotation_file, len(with_alpha), with_alpha[0], ALPHA
        )
    return [(entry, turn) for entry, (turn, _) in usable]


def _frame_or_fault(image, folder):
    """(the orientation by which an image's objects are to be turned, whether it has alpha), or the error that
    its file raises."""
    path = folder / image.file_name
    try:
        header = glance_at_file(path)
    except (OSError, ValueError) as error:
        return error
    if header.other:
        return _OtherFormat(f"{path} ({header.other})")
    turn = turn_between((image.width, image.height), header.size, header.orientation)
    width, height = header.size
    received = f"expected {image.width}x{image.height} pixels. Received: {width}x{height}"
    return (turn, header.has_alpha) if turn else ValueError(f"{path}: {received}")


def _require_decodable(others, annotation_file):
    """ValueError that names the command which mends it, where TensorFlow does not decode some images."""
    if others:
        raise ValueError(
            f"{annotation_file}: expected images of {', '.join(FORMATS)}; `yolact data check DATA --fix NEW` "
            f"writes others as PNG. Received: {len(others)} others, the first {others[0]}"
        )


def _tell_turned(records, annotation_file):
    """Says in one line that objects were given in pixels as they are stored."""
    turned = [record.path for record in records if record.turned != 1]
    if turned:
        logger.warning(
            "%s: the annotations of %d images, %s first, are of the pixels as stored, and turned with the "
            "image by its EXIF orientation",
            *(annotation_file, len(turned), turned[0]),
        )


def _record(image, annotations, folder, class_of, problems, boxes):
    path = folder / image.file_name
    objects, classes = [], []
    for annotation in annotations:
        name = f"annotation {annotation.get('id', '(no id)')}"
        entry, faults = parse_object(annotation, image.height, image.width)
        problems += [f"{path}: {name}: {f}" for f in faults[:1]]
        entry = boxes.decide(entry, name) if entry and entry.is_box else entry
        if entry:
            objects.append(entry)
            classes.append(class_of[annotation["category_id"]])
    xywh = np.array([entry.xywh for entry in objects], "float64").reshape(-1, 4)
    return Record(
        image.image_id,
        str(path),
        image.height,
        image.width,
        corners_of(xywh, image.height, image.width),
        np.array(classes, "int32"),
        np.array([entry.is_crowd for entry in objects], bool),
        np.array([entry.area for entry in objects], "float64"),
        tuple(entry.mask.runs for entry in objects),
        xywh,
    )


def _report(problems, annotation_file, on_error):
    if not problems:
        return
    if on_error == "refuse":
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ValueError(f"{problems[0]}{more}")
    for problem in problems[:10]:
        logger.warning("left out: %s", problem)
    if len(problems) > 10:
        logger.warning("left out: %d more of %s", len(problems) - 10, annotation_file)
