"""COCO instances JSON to typed entries: the one word on what each field may be.

Loader, check, repair and converters read entries here, so that none takes what another refuses.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from yolact_tf.data.coco.json_numbers import (
    FARTHEST,
    is_coordinate,
    is_number,
    number_in_text,
    whole_number,
)
from yolact_tf.data.coco.measures import box_corners, measures_of, to_xywh
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.segmentation import Mask, parse_segmentation
from yolact_tf.data.coco.segmentation_forms import says_nothing
from yolact_tf.data.json_files import read_json
from yolact_tf.files import PathLike

REQUIRED = {  # fields of the entries of each list
    "images": ("id", "file_name"),
    "annotations": ("image_id", "category_id"),
    "categories": ("id", "name"),
}
_LAST_CATEGORY = 2**31 - 1  # detections hold ids as int32
# Of 0 and 1, too, which equal the latter two.
_FLAGS: dict[int | None, bool] = {None: False, False: False, True: True}


class ImageEntry(NamedTuple):
    """What an entry of `images` says."""

    image_id: int | str
    file_name: str
    width: int  # pixels
    height: int


class ObjectEntry(NamedTuple):
    """What an annotation says of an image's object."""

    xywh: tuple[float, float, float, float]  # pixels, COCO's `bbox`
    is_crowd: bool
    area: float  # pixels; the mask's where the annotation has none
    mask: Mask
    is_box: bool = False  # whether the mask is but the box, since nothing tells a better one


def read_coco_json(path: Path) -> dict[str, Any]:
    """The content of a COCO instances file: its three lists are there, and each entry has its fields.

    ValueError names what is missing.
    """
    content = read_json(path, "COCO JSON")
    for key in REQUIRED:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise ValueError(f"{path}: expected COCO JSON with a list `{key}`. Received: {_summary(content)}")
        for entry in entries:
            missing = missing_field(key, entry)
            if missing:
                raise ValueError(
                    f"{path}: expected `{missing}` in every entry of `{key}`. Received: {str(entry)[:120]}"
                )
    return content


def missing_field(key: str, entry: Any) -> str | None:
    """The first field that an entry of the list `key` lacks; an address of an image counts as its name."""
    if key == "images" and isinstance(entry, dict) and "coco_url" in entry:
        entry.setdefault("file_name", entry["coco_url"])  # all that LVIS has
    return next((f for f in REQUIRED[key] if not isinstance(entry, dict) or f not in entry), None)


def labels_of(content: Mapping[str, Any], path: PathLike) -> dict[int, str]:
    """Category id -> name, ids in rising order. ValueError for an id or a name that is none."""
    labels: dict[int, str] = {}
    for category in content["categories"]:
        category_id, name = written_number(category["id"]), category["name"]
        if category_id is None:
            raise ValueError(
                f"{path}: expected whole numbers as ids of `categories`. Received: {category['id']!r:.80}"
            )
        if abs(category_id) > _LAST_CATEGORY:
            raise ValueError(
                f"{path}: expected ids of `categories` up to {_LAST_CATEGORY}. Received: {category_id}"
            )
        if not (is_text(name) or is_number(name)):
            raise ValueError(f"{path}: expected text as `name` of category {category_id}. Received: {name!r}")
        labels.setdefault(category_id, str(name))
    return dict(sorted(labels.items()))


def require_one_name(content: Mapping[str, Any], labels: Mapping[int, str], path: PathLike) -> None:
    """ValueError where entries of `categories` give one id several names."""
    for category in content["categories"]:
        category_id, name = whole_number(category["id"]), str(category["name"])
        if category_id is not None and labels[category_id] != name:
            raise ValueError(
                f"{path}: expected one name for category {category_id}. "
                f"Received: {labels[category_id]!r} and {name!r}"
            )


def written_number(value: Any) -> int | None:
    """`whole_number` that also takes text such as 01 or 1.0, which as the id of an image is its own."""
    number = whole_number(value)
    return whole_number(number_in_text(value)) if number is None else number


def image_key(value: Any) -> int | str | None:
    """The id of an image as all entries mean it: a whole number, or any other text; None for neither."""
    number = whole_number(value)
    return number if number is not None else value if is_text(value) and value else None


def parse_image(image: Mapping[str, Any]) -> ImageEntry:
    """The ImageEntry of an entry of `images`. Malformed for what names no file of some size."""
    key, name = image_key(image["id"]), image["file_name"]
    if key is None or (isinstance(key, int) and key < 0):
        raise _malformed_image("a whole number from 0, or text,", "id", image["id"])
    sides = []
    for field in ("width", "height"):
        side = whole_number(image.get(field))
        if side is None or side < 1:
            raise _malformed_image("a whole number from 1", field, image.get(field))
        sides.append(side)
    if not is_file_name(name):
        raise _malformed_image("text", "file_name", name)
    return ImageEntry(key, name, *sides)


def parse_object(
    annotation: Mapping[str, Any], height: int, width: int
) -> tuple[ObjectEntry | None, list[Malformed]]:
    """(ObjectEntry, [Malformed]) of an annotation in an image of height x width pixels.

    Without an ObjectEntry, which is None then, the annotation cannot be used; with one, polygons of it.
    """
    faults: list[Malformed] = []
    bbox, segmentation = annotation.get("bbox"), annotation.get("segmentation") or ()
    is_box = says_nothing(segmentation)
    if is_box and bbox is None:
        return None, [Malformed("malformed mask", "expected a `segmentation` or a `bbox`. Received: neither")]
    box: Any = None if bbox is None else _tried(_parse_box, faults, bbox, height, width)
    mask: Any = None if is_box else _tried(parse_segmentation, faults, segmentation, height, width)
    is_crowd = _tried(parse_crowd_flag, faults, annotation.get("iscrowd"))
    if is_box and box:
        mask = _mask_of_box(box, height, width)
    elif mask and bbox is None:
        box = _tried(_parse_box, faults, to_xywh(measures_of(mask, height, width).box), height, width)
    if faults:
        return None, faults
    faults = [
        Malformed(f.kind, f"{f} ({len(mask.dropped)} of {len(segmentation)} polygons)")
        for f in mask.dropped[:1]
    ]
    area = annotation.get("area")
    if not is_number(area) or not 0 <= area <= FARTHEST**2:
        area = mask.runs[1::2].sum()
    return ObjectEntry(box, is_crowd, float(area), mask, is_box), faults


def group_annotations(
    content: Mapping[str, Any], labels: Collection[int], path: PathLike
) -> dict[int | str, list[dict[str, Any]]]:
    """Image key -> its annotations. ValueError for one whose image or category is not there."""
    by_image: dict[Any, list[dict[str, Any]]] = {image_key(image["id"]): [] for image in content["images"]}
    by_image.pop(None, None)
    for annotation in content["annotations"]:
        for fault in reference_faults(annotation, by_image, labels):
            raise ValueError(f"{path}: annotation {annotation.get('id', '(no id)')}: {fault}")
        by_image[image_key(annotation["image_id"])].append(annotation)
    return by_image


def reference_faults(
    annotation: Mapping[str, Any], images: Collection[int | str | None], labels: Collection[int]
) -> list[Malformed]:
    """[Malformed] of an annotation whose image or category is not among the keys of `images` and `labels`."""
    faults = []
    if image_key(annotation["image_id"]) not in images:
        message = f"expected the id of one of {len(images)} images as `image_id`. Received: "
        faults.append(Malformed("unknown image", f"{message}{annotation['image_id']!r}"))
    if whole_number(annotation["category_id"]) not in labels:
        message = f"expected one of the category ids {list(labels)[:12]} as `category_id`. Received: "
        faults.append(Malformed("unknown category", f"{message}{annotation['category_id']!r}"))
    return faults


def ambiguous_keys(entries: Iterable[ImageEntry]) -> set[int | str]:
    """The keys that several ImageEntries have which do not say the same."""
    return {key for key, count in Counter(entry.image_id for entry in set(entries)).items() if count > 1}


def _summary(content):
    return f"keys {sorted(content)[:8]}" if isinstance(content, dict) else type(content).__name__


def is_file_name(value: Any) -> bool:
    """Whether a value is text that may name a file."""
    return is_text(value) and bool(value) and "\0" not in value


def is_text(value: Any) -> bool:
    """Whether a value is text that can be written: JSON may hold halves of characters."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)


def _malformed_image(expected, field, value):
    return Malformed("malformed image entry", f"expected {expected} as `{field}`. Received: {value!r}")


def _tried(parse, faults, *values):
    try:
        return parse(*values)
    except Malformed as fault:
        faults.append(fault)
        return None


def _parse_box(bbox, height, width):
    """COCO's [x, y, w, h] of an object in the image. Malformed for what is no box or lies beside it."""
    if not (isinstance(bbox, list) and len(bbox) == 4 and all(map(is_coordinate, bbox))):
        raise _malformed_box(bbox)
    x, y, w, h = bbox
    if w <= 0 or h <= 0:
        raise Malformed("empty box", f"expected a `bbox` of positive width and height. Received: {bbox!r}")
    if min(x + w, width) <= max(x, 0) or min(y + h, height) <= max(y, 0):
        raise Malformed("box outside the image", outside_message(bbox, height, width))
    return tuple(map(float, bbox))


def _mask_of_box(box, height, width):
    x1, y1, x2, y2 = box_corners(box)
    x1, y1, x2, y2 = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    return parse_segmentation([[x1, y1, x2, y1, x2, y2, x1, y2]], height, width)


def _malformed_box(bbox):
    expected = "four finite numbers as `bbox`"
    values = bbox if isinstance(bbox, list) and len(bbox) == 4 else [None]
    if all(map(is_number, values)):
        expected = f"`bbox` coordinates up to {FARTHEST}"
    has_nan = all(isinstance(v, float) or is_number(v) for v in values) and not all(map(is_number, values))
    kind = "NaN coordinates" if has_nan else "malformed box"
    return Malformed(kind, f"expected {expected}. Received: {bbox!r}")


def outside_message(bbox: Sequence[float], height: int, width: int) -> str:
    """What is said of a box that leaves the image."""
    return f"expected a `bbox` inside {width}x{height} pixels. Received: {bbox!r}"


def parse_crowd_flag(value: Any) -> bool:
    """Whether `iscrowd` says so; null and no flag do not. Malformed for what is neither 0 nor 1."""
    number = whole_number(value)
    flag = _FLAGS.get(value if number is None else number) if _is_scalar(value) else None
    if flag is None:
        raise Malformed("malformed crowd flag", f"expected 0 or 1 as `iscrowd`. Received: {value!r}")
    return flag


def _is_scalar(value):
    return value is None or isinstance(value, (bool, int, float, str))
