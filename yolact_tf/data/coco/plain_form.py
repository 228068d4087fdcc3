"""Annotations in another tool's accent to COCO's plain form, with an account of what was understood.

All that reads COCO JSON reads it here, so that nothing below has to know the accents.
"""

import concurrent.futures
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.data.coco.annotations import Annotations
from yolact_tf.data.coco.entries import (
    image_key,
    is_file_name,
    parse_crowd_flag,
    read_coco_json,
    written_number,
)
from yolact_tf.data.coco.json_numbers import NUMBERS, is_nan, number_in_text, whole_number
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.segmentation_forms import (
    from_text,
    is_plain,
    numbers_of,
    plain_segmentation,
    says_nothing,
)
from yolact_tf.data.coco.turning import told_frames
from yolact_tf.data.image_names import ImageNames, accents_of
from yolact_tf.data.json_files import byte_order_mark
from yolact_tf.data.tally import Tally
from yolact_tf.images.inspection import glance_at_file

# What tools write that do not know a size, or numbers; those of tables write NaN for anything.
_NO_SIZE = (None, "", 0, -1)
_NO_NUMBERS: tuple[Any, ...] = (None, "", [], [0, 0, 0, 0])
_FLAGS_IN_TEXT = {"false": 0, "true": 1, "0.0": 0, "1.0": 1}
_OF_ANNOTATION = ("id", "image_id", "category_id", "iscrowd")


def read_annotations(file: Path, image_folder: Path) -> tuple[dict[str, Any], Tally]:
    """(content of a COCO instances file in plain form, its accents: kinds of what was written otherwise).

    File names are those below `image_folder`, and sizes are the files' own where the content has none. What
    is malformed stays as it is, and so does an id that is text; what follows from a mask stays away.
    ValueError as of `read_coco_json`.
    """
    content, accents = read_coco_json(file), Tally()
    annotations = Annotations(kept=content["annotations"])
    plain_images(content, file, image_folder, accents)
    plain_annotations(content["images"], annotations, image_folder, accents)
    return content, accents


def plain_images(content: dict[str, Any], file: Path, image_folder: Path, accents: Tally) -> bool:
    """Puts categories and images into plain form, but for sizes that are not there; adds to `accents`.

    Returns whether all names are those of files as they stand: else it depends on what else is there.
    """
    mark = byte_order_mark(file)
    accents.add("byte order mark", f"of {mark}", bool(mark))
    for category in content["categories"]:
        _plain_number(category, "id", "category", accents, written_number)
    for image in content["images"]:
        _plain_number(image, "id", "image", accents)
        for field in ("width", "height"):
            if image.get(field) in _NO_SIZE or is_nan(image.get(field)):
                image.pop(field, None)
            else:
                _plain_number(image, field, "image", accents, written_number)
    named = [image for image in content["images"] if is_file_name(image["file_name"])]
    return _plain_names(named, image_folder, accents)


def plain_annotations(
    images: Sequence[dict[str, Any]], annotations: Annotations, image_folder: Path, accents: Tally
) -> None:
    """Puts annotations into plain form, and into `images` the sizes that they lack; adds to `accents`."""
    unsized = [image for image in images if not {"width", "height"} <= image.keys()]
    if unsized:
        _fill_sizes(unsized, annotations, image_folder, accents)
    sizes = {image_key(i["id"]): [i.get("height"), i.get("width")] for i in images}
    for annotation in annotations.kept.values():
        if {*map(type, map(annotation.get, _OF_ANNOTATION))} != {int}:
            _plain_ids(annotation, accents)
    strangers = np.flatnonzero(annotations.images(sizes) < 0).tolist()
    _agreeing_ids(annotations.keep(strangers), sizes, accents)
    for annotation in annotations.kept.values():
        _plain_shape(annotation, sizes, accents)


def is_in_plain_form(annotation: Mapping[str, Any]) -> bool:
    """Whether `plain_annotations` leaves an annotation of a known image as it is, without a word."""
    if {*map(type, map(annotation.get, _OF_ANNOTATION))} != {int}:
        return False
    if None in (whole_number(annotation["image_id"]), whole_number(annotation["category_id"])):
        return False
    mask = annotation.get("segmentation")
    has_numbers = _are_numbers(annotation.get("bbox")) and _are_numbers(annotation.get("area"))
    return has_numbers and (is_plain(mask) or says_nothing(mask))


def _plain_number(entry, field, noun, accents, read=whole_number):
    """Writes the number of a field, as `read` finds it, plainly; an id that is text is noted, and stays."""
    value = entry.get(field)
    if type(value) is int:
        return
    number = read(value)
    if number is not None:
        entry[field] = number
        _note_number(entry, field, value, accents, noun)
    elif field == "id" and image_key(value) is not None:
        accents.add("id that is text", f"{noun} {value!r}")


def _note_number(entry, field, value, accents, noun="annotation"):
    """Notes that `value` is what a field was before it became plain."""
    text = f"{_name(noun, entry)}: `{field}` {value!r:.60} read as {entry[field]!r:.60}"
    accents.add("number in another form", text)


def _name(noun, entry):
    return f"{noun} {entry.get('id', '(no id)')}"


def _plain_names(images, folder, accents):
    """Puts plain names for those that mean one file each, which no other name means; whether all did so."""
    names = ImageNames(folder)
    distinct = dict.fromkeys(image["file_name"] for image in images)
    readings = {name: names.readings(name) for name in distinct if not names.is_plain(name)}
    askers = Counter(plain for name in distinct for plain in readings.get(name, [name]))
    for image in images:
        name = image["file_name"]
        found = readings.get(name, [name])
        if len(found) == 1 and askers[found[0]] == 1:
            image["file_name"] = found[0]
            for kind in accents_of(name, found[0]) if found[0] != name else ():
                accents.add(kind, f"{_name('image', image)}: {name!r} read as {found[0]!r}")
        elif found and name in readings:
            several = " or ".join(map(repr, sorted(found)[:3]))
            also = ", and so may another entry" if len(found) == 1 else ""
            accents.add("ambiguous file name", f"{_name('image', image)}: {name!r} may mean {several}{also}")
    return not readings


def _fill_sizes(images, annotations, folder, accents):
    """Gives images the sizes of their files; one that cannot be read has none.

    Of a photograph on its side it is the size that its annotations are of, as far as they tell.
    """
    of_image = {image_key(image["id"]): [] for image in images}
    places = annotations.images(of_image)
    for number in np.flatnonzero(places >= 0).tolist():
        annotation = annotations[number]
        of_image[image_key(annotation["image_id"])].append(annotation)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # as `load_coco`: reading waits for the disk
        headers = pool.map(lambda image: _header_of(image, folder), images)
        for image, header in zip(images, headers, strict=True):
            if header:
                _fill_size(image, header, of_image.get(image_key(image["id"]), []), accents)


def _fill_size(image, header, annotations, accents):
    name = _name("image", image)
    sizes = [
        size
        for size in told_frames(annotations, header.size, header.stored_size)
        if image.get("width", size[0]) == size[0] and image.get("height", size[1]) == size[1]
    ]
    width, height = sizes[0] if sizes else header.size
    image.setdefault("width", width)
    image.setdefault("height", height)
    accents.add("image without a size", f"{name}: {width}x{height} by its file")
    if len(sizes) > 1 and annotations:
        exif = f"EXIF orientation {header.orientation}"
        accents.add("orientation untold", f"{name}: {exif}, and no size; annotations count as upright")


def _header_of(image, folder):
    if not is_file_name(image["file_name"]):
        return None
    try:
        return glance_at_file(folder / image["file_name"])
    except (OSError, ValueError):
        return None


def _plain_ids(annotation, accents):
    for field in ("id", "iscrowd"):
        _note_absence(annotation, field, (None,), accents)
    for field in ("id", "image_id"):
        _plain_number(annotation, field, "annotation", accents)
    _plain_number(annotation, "category_id", "annotation", accents, written_number)
    _plain_flag(annotation, accents)


def _note_absence(annotation, field, nothing, accents):
    """Notes a field that is not there, NaN or one of `nothing`, which it then takes away; whether it did."""
    if annotation.get(field) not in nothing and not is_nan(annotation.get(field)):
        return False
    annotation.pop(field, None)
    accents.add(f"annotation without `{field}`", _name("annotation", annotation))
    return True


def _plain_flag(annotation, accents):
    value = annotation.setdefault("iscrowd", 0)
    try:
        flag = int(parse_crowd_flag(_FLAGS_IN_TEXT.get(str(value).strip().lower(), value)))
    except Malformed:
        return
    if type(value) is not int:
        annotation["iscrowd"] = flag
        _note_number(annotation, "iscrowd", value, accents)


def _agreeing_ids(strangers, keys, accents):
    """Puts the id of an image for one that writes the same number in another way."""
    if not strangers:
        return
    same = {}
    for key in keys:
        same.setdefault(number_in_text(key) if isinstance(key, str) else key, []).append(key)
    for annotation in strangers:
        value = annotation["image_id"]
        number = number_in_text(value) if isinstance(value, str) else image_key(value)
        if number is not None and len(same.get(number, ())) == 1:
            annotation["image_id"] = same[number][0]
            _note_number(annotation, "image_id", value, accents)


def _plain_shape(annotation, sizes, accents):
    """Puts box, area and mask into COCO's form; sizes: image key -> [height, width]."""
    for field in ("bbox", "area"):
        _plain_numbers(annotation, field, accents)
    mask = annotation.get("segmentation")
    if is_plain(mask) or says_nothing(mask):
        return
    plain = plain_segmentation(mask, sizes.get(image_key(annotation["image_id"]), [None, None]))
    if repr(plain) != repr(mask):  # 3.0 equals 3, and is no count
        annotation["segmentation"] = plain
        kind = "polygon as one flat list" if plain == [mask] else "mask in another form"
        accents.add(kind, _name("annotation", annotation))


def _plain_numbers(annotation, field, accents):
    """Makes numbers of a `bbox` or an `area` that is text, or of text."""
    value = annotation.get(field)
    if _are_numbers(value):
        return
    if _note_absence(annotation, field, _NO_NUMBERS, accents):
        return
    read = from_text(value) or value if isinstance(value, str) else value
    plain = numbers_of(read) if isinstance(read, list) else number_in_text(read)
    if plain is not None:
        annotation[field] = plain
        _note_number(annotation, field, value, accents)


def _are_numbers(value):
    if type(value) is list:
        return any(value) and NUMBERS.issuperset(map(type, value))
    return type(value) in NUMBERS and value == value
