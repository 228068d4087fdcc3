"""An annotation file and the images that it names to packed records, and what was found on the way."""

import concurrent.futures
import copy
import os
from collections import Counter
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

from yolact_tf.data.coco.annotations import Annotations, read_content
from yolact_tf.data.coco.boxless import Boxless
from yolact_tf.data.coco.entries import (
    ambiguous_keys,
    image_key,
    is_file_name,
    labels_of,
    parse_image,
    parse_object,
    require_one_name,
)
from yolact_tf.data.coco.findings import Findings
from yolact_tf.data.coco.index import Index, Opened, Summary
from yolact_tf.data.coco.plain_form import is_in_plain_form, plain_annotations, plain_images
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.turning import turn_between, turn_record
from yolact_tf.data.long_work import told
from yolact_tf.data.record import Record, corners_of
from yolact_tf.data.tally import Counted
from yolact_tf.images.inspection import FORMATS, glance_at_file

_AT_ONCE = 256  # files that a thread looks at before it is told of more


class _OtherFormat(ValueError):
    """An image that Pillow reads and TensorFlow does not."""


def read_split(file: FileIO, annotation_file: Path, image_folder: Path, boxless: str, index: Index) -> Opened:
    """What an annotation file and its images hold, all looked at, which a large one leaves in the index.

    file: the annotation file, opened.  boxless: as in `load_coco`.
    """
    written = os.fstat(file.fileno())
    content = read_content(file, annotation_file, is_in_plain_form)
    findings = Findings()
    are_literal = plain_images(content, annotation_file, image_folder, findings.accents)
    names = dict.fromkeys(i["file_name"] for i in content["images"] if is_file_name(i["file_name"]))
    # Before any file is looked at: what changes later makes the index stale.
    files = index.look_at(list(names), are_literal)
    plain_annotations(content["images"], content["annotations"], image_folder, findings.accents)
    labels = labels_of(content, annotation_file)
    require_one_name(content, labels, annotation_file)
    keys = dict.fromkeys(image_key(image["id"]) for image in content["images"])
    keys.pop(None, None)
    numbers = content["annotations"].by_image(keys, labels, annotation_file)
    images = _usable_images(content, annotation_file, image_folder, findings)
    class_of = {category: index for index, category in enumerate(labels)}
    objects = _Objects(content["annotations"], numbers, class_of)

    def pack(packing):
        found = copy.deepcopy(findings)
        boxes = Boxless(boxless)
        for image, turn in told(images, len(images), annotation_file, "images: masks read"):
            record = turn_record(_record(image, objects, image_folder, found, boxes), turn)
            packing.add(record, image.file_name)
        found.boxes = boxes.found
        _require_unchanged(written, os.fstat(file.fileno()), annotation_file)
        return Summary(labels, len(content["images"]) - len(images), found)

    return index.packed(pack, files, len(images) + len(content["annotations"]))


def _require_unchanged(before, after, annotation_file):
    """ValueError where a file was written to, of which annotations were read at different times."""
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ValueError(
            f"{annotation_file}: expected a file that stays as it is while it is read. Received: one that was"
            " written to"
        )


class _Objects(NamedTuple):
    """The annotations of a file, by image."""

    annotations: Annotations
    numbers: Mapping[int | str, np.ndarray]
    class_of: Mapping[int, int]

    def of(self, image_id):
        return (self.annotations[number] for number in self.numbers[image_id].tolist())


def _usable_images(content, annotation_file, image_folder, findings):
    """[(ImageEntry, by which orientation its objects turn)] of whole files of the right size, each once."""
    entries = []
    for image in content["images"]:
        try:
            entries.append(parse_image(image))
        except Malformed as fault:
            findings.leave_out("", f"image {image['id']!r}: {fault}")
    ambiguous, distinct = ambiguous_keys(entries), dict.fromkeys(entries)
    for key, count in Counter(entry.image_id for entry in entries).items():
        if count > 1:
            findings.leave_out(
                "", f"image {key!r}: expected ids to be unique. Received: {key!r} {count} times"
            )
    distinct = [entry for entry in distinct if entry.image_id not in ambiguous]
    frames = list(told(_frames(distinct, image_folder), len(distinct), annotation_file, "images looked at"))
    _require_decodable([frame for frame in frames if isinstance(frame, _OtherFormat)], annotation_file)
    usable = []
    for entry, frame in zip(distinct, frames, strict=True):
        if isinstance(frame, Exception):
            findings.leave_out(entry.file_name, _reason(frame, image_folder / entry.file_name))
        else:
            usable.append((entry, *frame))
    findings.with_alpha = _counted(entry.file_name for entry, _, has_alpha in usable if has_alpha)
    findings.turned = _counted(entry.file_name for entry, turn, _ in usable if turn != 1)
    return [(entry, turn) for entry, turn, _ in usable]


def _frames(entries, folder):
    """What `_frame_or_fault` says of each; in threads, since reading the files waits for the disk."""
    groups = (entries[at : at + _AT_ONCE] for at in range(0, len(entries), _AT_ONCE))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        look = lambda group: [_frame_or_fault(entry, folder) for entry in group]
        for frames in pool.map(look, groups):
            yield from frames


def _counted(names):
    names = list(names)
    return Counted(len(names), names[0] if names else "")


def _reason(error, path):
    """What an error says of a file, without its name."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).removeprefix(f"{path}: ")


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


def _record(image, objects, folder, findings, boxes):
    entries, classes = [], []
    for annotation in objects.of(image.image_id):
        name = f"annotation {annotation.get('id', '(no id)')}"
        entry, faults = parse_object(annotation, image.height, image.width)
        for fault in faults[:1]:
            findings.leave_out(image.file_name, f"{name}: {fault}")
        entry = boxes.decide(entry, name) if entry and entry.is_box else entry
        if entry:
            entries.append(entry)
            classes.append(objects.class_of[annotation["category_id"]])
    xywh = np.array([entry.xywh for entry in entries], "float64").reshape(-1, 4)
    return Record(
        image.image_id,
        str(folder / image.file_name),
        image.height,
        image.width,
        corners_of(xywh, image.height, image.width),
        np.array(classes, "int32"),
        np.array([entry.is_crowd for entry in entries], bool),
        np.array([entry.area for entry in entries], "float64"),
        tuple(entry.mask.runs for entry in entries),
        xywh,
    )
