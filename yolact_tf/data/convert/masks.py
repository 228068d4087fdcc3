"""Mask PNGs: images/SPLIT/x.jpg, masks/SPLIT/x.png with ids as 16-bit pixels, and instances.json.

instances.json says what the ids are, and makes crowds possible:

    {"categories": [{"id": 1, "name": "cat", "supercategory": "animal"}],
     "images": [{"split": "train", "file_name": "x.jpg",
                 "objects": [{"id": 1, "category_id": 1, "iscrowd": 0}]}]}

An object is the pixels of its id; 0 is background. Without instances.json a folder a class is read:
masks/SPLIT/CLASS/x.png, where each value but 0 is one object of that class, the blends of smooth edges
excepted.
"""

import json
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from yolact_tf.data.coco.entries import labels_of, parse_crowd_flag, require_one_name
from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.coco.split_names import SPLITS, splits_among
from yolact_tf.data.convert.conversion_losses import Losses, count_fields
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture, Place, Report
from yolact_tf.data.convert.id_maps import paint, rles_of
from yolact_tf.data.convert.image_files import (
    annotation_names,
    check_size,
    checked_folder,
    checked_name,
    find_pictures,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.smooth_edges import sharpened
from yolact_tf.data.json_files import read_json
from yolact_tf.files import PathLike

INDEX = "instances.json"
MAX_ID = 65_535  # 16 bits


def read_masks(folder: PathLike) -> DataSet:
    """The DataSet of mask PNGs in a folder."""
    folder = Path(folder)
    if (folder / INDEX).is_file():
        return _read_indexed(folder, _read_index(folder / INDEX))
    return _read_class_folders(folder)


def write_masks(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as images, mask PNGs and instances.json."""
    losses, written, rows = Losses(), {}, []
    count_fields(data_set, losses)
    for split, pictures in data_set.splits.items():
        written[split] = 0
        stems = annotation_names([p.name for p in pictures], split)
        for picture, name in zip(pictures, stems, strict=True):
            ids, instances = paint(picture, MAX_ID, losses, f"{split}/{picture.name}")
            file = folder / "masks" / split / f"{name}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(ids.astype("uint16")).save(file)
            place(picture, folder / "images" / split / picture.name)
            objects = [
                {"id": k, "category_id": i.category_id, "iscrowd": int(i.is_crowd)}
                for k, i in enumerate(instances, 1)
            ]
            rows.append({"split": split, "file_name": picture.name, "objects": objects})
            written[split] += len(instances)
    categories = [
        {"id": category_id, "name": c.name, "supercategory": c.supercategory}
        for category_id, c in data_set.categories.items()
    ]
    text = json.dumps({"categories": categories, "images": rows}, ensure_ascii=False)
    (folder / INDEX).write_text(text, encoding="utf-8")
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def _read_index(file):
    """instances.json, of which the rows of images are still to be checked."""
    content = read_json(file, "JSON")
    for key in ("categories", "images"):
        if not isinstance(content.get(key) if isinstance(content, dict) else None, list):
            raise ValueError(f"{file}: expected a list `{key}`. Received: {str(content)[:80]}")
    for number, entry in enumerate(content["categories"], 1):
        _check_fields(entry, {"id", "name"}, f"{file}: categories {number}")
    return content


def _checked_row(row, file):
    """(split, image name) of a row of an image."""
    _check_fields(row, {"split", "file_name", "objects"}, f"{file}: images")
    if not isinstance(row["objects"], list):
        raise ValueError(
            f"{file}: image {row['file_name']!r}: expected a list `objects`. Received: {str(row)[:80]}"
        )
    return checked_folder(row["split"], file), checked_name(row["file_name"], file)


def _check_fields(entry, fields, where):
    """ValueError where a field is missing, or an id no whole number."""
    missing = sorted(fields - set(entry if isinstance(entry, dict) else ()))
    if missing:
        raise ValueError(f"{where}: expected `{missing[0]}`. Received: {str(entry)[:80]}")
    for key in fields & {"id", "category_id"}:
        if whole_number(entry[key]) is None:
            raise ValueError(f"{where}: expected a whole number as `{key}`. Received: {entry[key]!r}")


def _read_indexed(folder, content):
    losses, rows = Losses(), []
    for row in content["images"]:
        with losses.left_out.skip_image():
            rows.append((*_checked_row(row, folder / INDEX), row["objects"]))
    images = [folder / "images" / split / name for split, name, _ in rows]
    categories = _categories(content, folder / INDEX)
    splits = {split: [] for split in (*SPLITS, *(split for split, *_ in rows))}
    for (split, name, entries), image, size in zip(rows, images, picture_sizes(images), strict=True):
        with losses.left_out.skip_image():
            file = folder / "masks" / split / PurePosixPath(name).with_suffix(".png")
            objects = _objects(entries, _read_ids(file, size()), categories, file, losses)
            splits[split].append(Picture(name, image, *size(), objects))
    return DataSet(categories, {split: tuple(p) for split, p in splits.items() if p}, losses)


def _categories(content, file):
    labels = labels_of(content, file)
    require_one_name(content, labels, file)
    above = {whole_number(e["id"]): str(e.get("supercategory") or "") for e in content["categories"]}
    return {category_id: Category(name, above[category_id]) for category_id, name in labels.items()}


def _objects(entries, ids, categories, file, losses):
    there, instances = rles_of(ids), []
    for number, entry in enumerate(entries, 1):
        where = f"object {number} of {INDEX}"
        with losses.left_out.skip_object(file):
            _check_fields(entry, {"id", "category_id"}, where)
            rle, category_id = there.pop(whole_number(entry["id"]), None), whole_number(entry["category_id"])
            if category_id not in categories:
                raise ValueError(f"{where}: expected a known `category_id`. Received: {category_id!r}")
            if rle:
                instances.append(
                    Instance(category_id, rle=rle, is_crowd=parse_crowd_flag(entry.get("iscrowd")))
                )
            losses.add("objects without pixels", file, not rle)
    for value in there:
        with losses.left_out.skip_object(file):
            raise ValueError(f"expected ids that {INDEX} knows. Received: {value}")
    return tuple(instances)


def _read_ids(file, size):
    """[H, W] pixel values of a PNG with one channel; of a palette its indices."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such mask file")
    try:
        with Image.open(file) as image:
            check_size(file, image.size, size)
            ids = np.asarray(image).astype("int32")
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{file}: expected a mask PNG. Received: {error}") from None
    if ids.ndim != 2:
        raise ValueError(f"{file}: expected a PNG of one channel. Received: {ids.shape[2]} channels")
    return ids


def _read_class_folders(folder):
    """masks/SPLIT/CLASS/x.png"""
    found = splits_among((p.name for p in sorted(folder.glob("masks/*/"))), folder / "masks")
    if not found:
        raise FileNotFoundError(f"{folder}: expected {INDEX}, or a folder masks/train/. Received neither")
    of_split = {s: sorted(p.name for p in folder.glob(f"masks/{name}/*/")) for s, name in found.items()}
    names = sorted(set().union(*of_split.values()))
    if not names:
        raise ValueError(f"{folder}: expected {INDEX}, or folders masks/train/CLASS/. Received neither")
    category_of = {name: number for number, name in enumerate(names, 1)}
    losses, splits = Losses(), {}
    for split, name in found.items():
        classes = {label: category_of[label] for label in of_split[split]}
        splits[split] = _class_folder_pictures(folder, name, classes, losses)
    return DataSet({i: Category(name) for name, i in category_of.items()}, splits, losses)


def _class_folder_pictures(folder, split, classes, losses):
    base = folder / "images" / split
    files = find_pictures(base)
    unused = {mask for name in classes for mask in (folder / "masks" / split / name).rglob("*.png")}
    pictures = []
    for file, size in zip(files, picture_sizes(files), strict=True):
        name = file.relative_to(base)
        of_class = {c: folder / "masks" / split / c / name.with_suffix(".png") for c in classes}
        masks = {classes[c]: mask for c, mask in of_class.items() if mask in unused}
        unused -= set(masks.values())
        with losses.left_out.skip_image():
            instances = []
            for category_id, mask in masks.items():
                rles = rles_of(sharpened(_read_ids(mask, size()), losses, mask))
                instances += [Instance(category_id, rle=rle) for rle in rles.values()]
            pictures.append(Picture(name.as_posix(), file, *size(), tuple(instances)))
    losses.add("mask files without image", min(unused, default=""), len(unused))
    return tuple(pictures)
