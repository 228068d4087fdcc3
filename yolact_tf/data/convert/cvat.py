"""CVAT for images 1.1: annotations.xml and images/, with a split as CVAT's subset.

Polygons of one object share a group_id; run lengths are CVAT's masks, holes and all. No crowds.
"""

import itertools
from pathlib import Path
from xml.etree import ElementTree

from yolact_tf.data.coco.split_names import SPLITS, split_of
from yolact_tf.data.convert.class_names import category_names
from yolact_tf.data.convert.conversion_losses import (
    Losses,
    count_category_fields,
    count_fields,
    held,
    without_crowds,
)
from yolact_tf.data.convert.cvat_shapes import OBJECT_FIELDS, read_shape, shapes_of
from yolact_tf.data.convert.data_set import Category, DataSet, Picture, Place, Report
from yolact_tf.data.convert.image_files import (
    check_size,
    checked_folder,
    checked_name,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.regions import unite_groups
from yolact_tf.data.convert.xml_files import read_xml
from yolact_tf.files import PathLike

FILE = "annotations.xml"
NO_SUBSET = ("", "default")


def read_cvat(folder: PathLike) -> DataSet:
    """The DataSet of annotations.xml in a folder; categories are numbered from 1 as CVAT lists its labels."""
    folder = Path(folder)
    file = folder / FILE
    root = _read_root(file)
    category_of = {name: number for number, name in enumerate(_labels(root), 1)}
    losses = Losses()
    losses.add("tracks of a video", file, len(root.findall("track")))
    entries = root.findall("image")
    if not entries:
        raise ValueError(f"{file}: expected CVAT for images with `image` elements. Received none")
    named = []
    for entry in entries:
        with losses.left_out.skip_image():
            named.append((entry, checked_name(entry.get("name"), file)))
    found = [_find_image(folder, entry, name) for entry, name in named]
    split_of_subset = _splits(entries)
    splits: dict[str, list[Picture]] = {split: [] for split in (*SPLITS, *split_of_subset.values())}
    for (entry, name), path, size in zip(named, found, picture_sizes(found), strict=True):
        where = f"{file}: image {name!r}"
        with losses.left_out.skip_image():
            split = checked_folder(split_of_subset[entry.get("subset") or ""], where)
            check_size(path, size(), _size(entry, size(), where))
            instances = _instances(entry, size(), category_of, losses, where)
            splits[split].append(Picture(name, path, *size(), instances))
    kept = {split: tuple(pictures) for split, pictures in splits.items() if pictures}
    return DataSet({i: Category(name) for name, i in category_of.items()}, kept, losses)


def write_cvat(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as annotations.xml and images/SPLIT/."""
    losses, written = Losses(), {}
    count_fields(data_set, losses, OBJECT_FIELDS)
    count_category_fields(data_set, losses)
    data_set = without_crowds(data_set, losses)
    names = category_names(data_set)
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    _write_labels(ElementTree.SubElement(root, "meta"), data_set, names)
    image_ids, groups = itertools.count(), itertools.count(1)
    for split, pictures in data_set.splits.items():
        written[split] = 0
        for picture in pictures:
            fields = {"name": picture.name, "subset": split, "width": picture.width, "height": picture.height}
            fields = {"id": next(image_ids), **fields}
            entry = ElementTree.SubElement(root, "image", {key: str(v) for key, v in fields.items()})
            for instance in picture.instances:
                shapes = shapes_of(instance, picture, names[instance.category_id], groups)
                losses.add("objects without pixels", f"{split}/{picture.name}", not shapes)
                written[split] += bool(shapes)
                entry.extend(shapes)
            place(picture, folder / "images" / split / picture.name)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(folder / FILE, encoding="utf-8", xml_declaration=True)
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def _read_root(file):
    if not file.is_file():
        raise FileNotFoundError(f"{file.parent}: expected {FILE}. Received none")
    root = read_xml(file)
    if root.tag != "annotations":
        raise ValueError(f"{file}: expected CVAT's `annotations`. Received: `{root.tag}`")
    return root


def _labels(root):
    """Label names as the file's head lists them, then others that shapes have."""
    listed = [name.text or "" for name in root.iterfind("meta//labels/label/name")]
    used = sorted({shape.get("label") or "" for image in root.iterfind("image") for shape in image})
    return [name for name in dict.fromkeys([*listed, *used]) if name]


def _splits(entries):
    """subset -> the split that it is: itself where its name means none, but for a subset of all images."""
    subsets = {entry.get("subset") or "" for entry in entries}
    splits = {name: "train" if name.lower() in NO_SUBSET else split_of(name) for name in subsets}
    (one, *others) = splits
    return splits if others or splits[one] in SPLITS else {one: "train"}


def _find_image(folder, entry, name):
    subset = entry.get("subset") or ""
    tried = [folder / "images" / subset / name, folder / "images" / name, folder / name]
    return next((path for path in tried if path.is_file()), tried[0])


def _size(entry, default, where):
    """(width, height) that an image has by its entry."""
    try:
        return tuple(_integer(entry, key, v) for key, v in zip(("width", "height"), default, strict=True))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _integer(entry, key, default):
    try:
        return int(entry.get(key, default))
    except ValueError:
        raise ValueError(f"expected a whole number as `{key}`. Received: {entry.get(key)!r}") from None


def _instances(entry, size, category_of, losses, where):
    parts = []
    for number, shape in enumerate(entry, 1):
        here = f"{where}: shape {number}"
        with losses.left_out.skip_object(here):
            group = _integer(shape, "group_id", 0) or None  # 0 is CVAT's word for none
            part = read_shape(shape, category_of.get(shape.get("label") or ""), size)
            losses.add(f"`{shape.tag}` shapes, which have no area", here, part is None)
            losses.add("ellipses, now polygons", here, shape.tag == "ellipse")
            if part is not None:
                parts.append((group, part))
    return unite_groups(parts, size[1], size[0], losses, where)


def _write_labels(meta, data_set, names):
    """The head: labels, and the attributes that shapes of each have."""
    attributes = {category_id: {} for category_id in names}
    for pictures in data_set.splits.values():
        for instance in (i for picture in pictures for i in picture.instances):
            attributes[instance.category_id].update(held(instance.extra, OBJECT_FIELDS).get("attributes", {}))
    labels = ElementTree.SubElement(ElementTree.SubElement(meta, "project"), "labels")
    for category_id, name in names.items():
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        listed = ElementTree.SubElement(label, "attributes")
        for key in attributes[category_id]:
            attribute = ElementTree.SubElement(listed, "attribute")
            ElementTree.SubElement(attribute, "name").text = str(key)
            ElementTree.SubElement(attribute, "mutable").text = "False"
            ElementTree.SubElement(attribute, "input_type").text = "text"
