"""COCO instances JSON to checked records: boxes in corners 0..1, masks as run lengths."""

import concurrent.futures
import hashlib
import json
import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.coco_source import CocoSource
from yolact_tf.data.images import inspect_image
from yolact_tf.data.record import Record

logger = logging.getLogger(__name__)

# (annotations, images) of a split in the two layouts that a data folder may have.
LAYOUTS = (
    ("{split}.json", "images"),
    ("annotations/instances_{split}2017.json", "{split}2017"),
)
_FARTHEST = 100_000  # pixels; pycocotools crashes on polygons that reach to 1e9


@dataclass(frozen=True)
class CocoData:
    """The records of one split and its categories."""

    records: tuple[Record, ...]
    labels: dict[int, str]  # category id -> name, ids in rising order
    annotation_file: Path

    @property
    def origin(self):
        """What messages call the data."""
        return str(self.annotation_file)

    @property
    def digest(self):
        """A text that tells these annotations from others."""
        return hashlib.sha256(self.annotation_file.read_bytes()).hexdigest()

    @property
    def num_images(self):
        """Images, empty ones included."""
        return len(self.records)

    @property
    def num_with_objects(self):
        """Images that have objects or crowds."""
        return sum(len(record.runs) > 0 for record in self.records)

    def source(self, cache="none", with_empty=True):
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
        return CocoSource([r for r in self.records if with_empty or len(r.runs)], cache)

    def coco_content(self):
        """COCO JSON of the images, with the annotations as they are in the file."""
        content = json.loads(self.annotation_file.read_text(encoding="utf-8"))
        kept = {record.image_id for record in self.records}
        images = [image for image in content["images"] if image["id"] in kept]
        annotations = [a for a in content["annotations"] if a["image_id"] in kept]
        return {**content, "images": images, "annotations": annotations}


def load_coco(data, split, on_error="skip"):
    """The images and objects of `split` in folder `data`, checked.

    on_error: a corrupt image or annotation is either named in the log and left out ("skip"), or
    refused with ValueError ("refuse"). A file that is not COCO JSON, or an annotation that names an
    image or category that is not there, is always refused.
    """
    annotation_file, image_folder = find_split(data, split)
    content = read_coco_json(annotation_file)
    labels = labels_of(content)
    by_image = group_annotations(content, labels, annotation_file)
    problems = []
    # Threads, since reading the files waits for the disk.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        checked = pool.map(lambda image: _check_image(image, image_folder), content["images"])
    class_of = {category: index for index, category in enumerate(labels)}
    records = []
    for image, problem in zip(content["images"], checked, strict=True):
        if problem:
            problems.append(problem)
        else:
            annotations = by_image.get(image["id"], [])
            records.append(_record(image, annotations, image_folder, class_of, problems))
    _report(problems, annotation_file, on_error)
    if not records:
        raise ValueError(f"{annotation_file}: expected at least one readable image. Received none")
    return CocoData(tuple(records), labels, annotation_file)


def find_split(data, split):
    """(annotation file, image folder) of a split. FileNotFoundError names what was looked for."""
    data = Path(data)
    if not data.is_dir():
        raise FileNotFoundError(f"Data must be a folder. Received: {str(data)!r}, which is none")
    tried = []
    for annotation_name, image_name in LAYOUTS:
        annotation_file = data / annotation_name.format(split=split)
        if annotation_file.is_file():
            image_folder = data / image_name.format(split=split)
            if not image_folder.is_dir():
                raise FileNotFoundError(f"Expected the images of {annotation_file} in {image_folder}/")
            return annotation_file, image_folder
        tried.append(str(annotation_file.relative_to(data)))
    found = ", ".join(sorted(p.name for p in data.iterdir())[:6]) or "an empty folder"
    raise FileNotFoundError(f"{data}: expected {' or '.join(tried)}. Received: {found}")


def has_split(data, split):
    """Whether a folder has annotations of a split."""
    return any((Path(data) / name.format(split=split)).is_file() for name, _ in LAYOUTS)


def read_coco_json(path):
    """The content of a COCO instances file, its lists and their fields checked. ValueError names what is
    missing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected COCO JSON. Received: {error}") from None
    for key, fields in (
        ("images", ("id", "file_name", "width", "height")),
        ("annotations", ("image_id", "category_id", "bbox")),
        ("categories", ("id", "name")),
    ):
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise ValueError(f"{path}: expected COCO JSON with a list `{key}`. Received: {_summary(content)}")
        for entry in entries:
            missing = [f for f in fields if not isinstance(entry, dict) or f not in entry]
            if missing:
                raise ValueError(
                    f"{path}: expected `{missing[0]}` in every entry of `{key}`. Received: {str(entry)[:120]}"
                )
    return content


def labels_of(content):
    """Category id -> name, ids in rising order."""
    return {c["id"]: c["name"] for c in sorted(content["categories"], key=lambda c: c["id"])}


def _summary(content):
    return f"keys {sorted(content)[:8]}" if isinstance(content, dict) else type(content).__name__


def group_annotations(content, labels, path):
    """Image id -> its annotations. ValueError for one whose image or category is not there."""
    by_image = {image["id"]: [] for image in content["images"]}
    for annotation in content["annotations"]:
        name = f"{path}: annotation {annotation.get('id', '(no id)')}"
        if not _is_among(annotation["image_id"], by_image):
            raise ValueError(
                f"{name}: expected the id of one of {len(by_image)} images as `image_id`. "
                f"Received: {annotation['image_id']!r}"
            )
        if not _is_among(annotation["category_id"], labels):
            raise ValueError(
                f"{name}: expected one of the category ids {list(labels)[:12]} as `category_id`. "
                f"Received: {annotation['category_id']!r}"
            )
        by_image[annotation["image_id"]].append(annotation)
    return by_image


def _is_among(key, mapping):
    return isinstance(key, (int, str)) and key in mapping


def _check_image(image, folder):
    """What is wrong with an image's file, in one line, or None."""
    path = folder / image["file_name"]
    try:
        size = inspect_image(path)
    except (OSError, ValueError) as error:
        return str(error)
    expected = (image["width"], image["height"])
    if size != expected:
        return f"{path}: expected {expected[0]}x{expected[1]} pixels. Received: {size[0]}x{size[1]}"
    return None


def _record(image, annotations, folder, class_of, problems):
    height, width = image["height"], image["width"]
    boxes, classes, is_crowd, areas, runs = [], [], [], [], []
    for annotation in annotations:
        try:
            box = corners_of(annotation["bbox"], height, width)
            object_runs = runs_of(annotation.get("segmentation"), height, width)
        except (ValueError, TypeError, OverflowError) as error:  # the last two: RLE without numbers
            name = f"{folder / image['file_name']}: annotation {annotation.get('id', '(no id)')}"
            problems.append(f"{name}: {error}")
            continue
        boxes.append(box)
        classes.append(class_of[annotation["category_id"]])
        is_crowd.append(bool(annotation.get("iscrowd", 0)))
        areas.append(_area(annotation))
        runs.append(object_runs)
    return Record(
        image["id"],
        str(folder / image["file_name"]),
        height,
        width,
        np.array(boxes, "float32").reshape(-1, 4),
        np.array(classes, "int32"),
        np.array(is_crowd, bool),
        np.array(areas, "float64"),
        tuple(runs),
    )


def _area(annotation):
    area = annotation.get("area")
    return area if isinstance(area, (int, float)) else annotation["bbox"][2] * annotation["bbox"][3]


def corners_of(bbox, height, width):
    """COCO's [x, y, w, h] pixels to corners in 0..1."""
    is_box = isinstance(bbox, list) and len(bbox) == 4
    if not is_box or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in bbox):
        raise ValueError(f"expected four finite numbers as `bbox`. Received: {bbox!r}")
    x, y, w, h = bbox
    if w <= 0 or h <= 0:
        raise ValueError(f"expected a `bbox` of positive width and height. Received: {bbox!r}")
    return x / width, y / height, (x + w) / width, (y + h) / height


def runs_of(segmentation, height, width):
    """COCO polygons, compressed or uncompressed RLE to run lengths, int32. ValueError for what is none."""
    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(checked_polygons(segmentation), height, width))
    elif isinstance(segmentation, dict) and {"size", "counts"} <= set(segmentation):
        if list(segmentation["size"]) != [height, width]:
            raise ValueError(f"expected RLE of size {[height, width]}. Received: {segmentation['size']!r}")
        if isinstance(segmentation["counts"], list):
            return _checked_runs(np.array(segmentation["counts"], "int64"), height, width)
        rle = segmentation
    else:
        raise ValueError(f"expected polygons or RLE as `segmentation`. Received: {segmentation!r}")
    return _checked_runs(decode_counts(rle["counts"]), height, width)


def checked_polygons(segmentation):
    """The polygons of a segmentation. ValueError for one of fewer than three points or without numbers."""
    polygons = [polygon for polygon in segmentation if isinstance(polygon, list)]
    for polygon in polygons:
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(
                f"expected polygons of at least three points (x, y). Received: {len(polygon)} numbers"
            )
        if not all(isinstance(v, (int, float)) and abs(v) <= _FARTHEST for v in polygon):
            raise ValueError(
                f"expected polygon coordinates up to {_FARTHEST}. Received: one beyond, NaN or no number"
            )
    if not polygons:
        raise ValueError(f"expected at least one polygon. Received: {segmentation!r}")
    return polygons


def decode_counts(counts):
    """COCO's compressed RLE text to int64 run lengths: 5 bits a character, deltas from two back."""
    codes = np.frombuffer(counts.encode() if isinstance(counts, str) else counts, "uint8")
    codes = codes.astype("int64") - 48
    if len(codes) and codes[-1] & 0x20:
        raise ValueError(f"expected RLE counts of whole numbers. Received: {counts[-12:]!r} at the end")
    ends = np.flatnonzero((codes & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts) if len(ends) else codes
    is_negative = (codes[ends] & 0x10) != 0
    values = values - np.where(is_negative, 1 << (5 * (ends - starts + 1)), 0)
    # The first three counts are plain; from there on each is relative to the one two before.
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs


def _checked_runs(runs, height, width):
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"expected run lengths that sum to {height * width}. Received: {int(runs.sum())}")
    return runs.astype("int32")


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
