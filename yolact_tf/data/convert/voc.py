"""Pascal VOC: JPEGImages, Annotations, SegmentationClass and SegmentationObject, ImageSets/Segmentation.

A pixel belongs to one object only, and an image has at most 254: 255 is void. labelmap.txt, as CVAT
writes it, names the classes; without it they are the twenty of VOC.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from yolact_tf.data.convert.class_names import category_names, read_lines
from yolact_tf.data.convert.data_set import SPLITS, Category, DataSet, Instance, Picture, Report
from yolact_tf.data.convert.id_maps import paint, rles_of
from yolact_tf.data.convert.losses import (
    Losses,
    count_category_fields,
    count_fields,
    held,
    without_crowds,
)
from yolact_tf.data.convert.pictures import (
    annotation_names,
    check_size,
    checked_name,
    find_picture,
    names_in_one_folder,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.voc_xml import OBJECT_FIELDS, read_objects, write_objects

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
)
VOID = 255
LABEL_MAP = "labelmap.txt"
SETS = "ImageSets/Segmentation"


def read_voc(folder):
    """The DataSet of a VOC folder, or of the VOCdevkit/VOC2012 in it; class i becomes category i."""
    folder = _find_root(Path(folder))
    names, value_of_color = _classes(folder)
    losses, splits = Losses(), {}
    for split, file in _set_files(folder).items():
        stems = [checked_name(stem.rstrip(), file) for stem in read_lines(file)]
        images = [find_picture(folder / "JPEGImages", stem) for stem in stems]
        splits[split] = tuple(
            Picture(
                image.relative_to(folder / "JPEGImages").as_posix(),
                image,
                *size,
                _instances(folder, stem, size, names, value_of_color, losses),
            )
            for image, stem, size in zip(images, stems, picture_sizes(images), strict=True)
        )
    return DataSet({i: Category(name) for i, name in enumerate(names, 1)}, splits, losses)


def write_voc(data_set, folder, place=place_picture):
    """Writes `data_set` as a VOC folder with labelmap.txt. ValueError for more than 254 classes."""
    losses, written = Losses(), {}
    count_fields(data_set, losses, OBJECT_FIELDS)
    count_category_fields(data_set, losses)
    data_set = without_crowds(data_set, losses)
    names = category_names(data_set)
    if len(names) >= VOID:
        raise ValueError(f"VOC holds at most {VOID - 1} classes. Received: {len(names)}")
    class_of = {category_id: number for number, category_id in enumerate(names, 1)}
    image_names = names_in_one_folder(data_set, losses)
    for split, pictures in data_set.splits.items():
        stems = annotation_names(image_names[split], split)
        written[split] = 0
        for picture, name, stem in zip(pictures, image_names[split], stems, strict=True):
            ids, instances = paint(picture, VOID - 1, losses, f"{split}/{picture.name}")
            _write_maps(folder, stem, ids, [class_of[i.category_id] for i in instances])
            write_objects(folder / "Annotations" / f"{stem}.xml", name, ids, instances, names)
            place(picture, folder / "JPEGImages" / name)
            written[split] += len(instances)
        (folder / SETS).mkdir(parents=True, exist_ok=True)
        (folder / SETS / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8")
    _write_label_map(folder / LABEL_MAP, names.values())
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def _find_root(folder):
    for candidate in (folder, *sorted(folder.glob("VOC*")), *sorted(folder.glob("VOCdevkit/VOC*"))):
        if (candidate / SETS).is_dir():
            return candidate
    raise FileNotFoundError(f"{folder}: expected {SETS}/ in it or in VOCdevkit/VOC2012/. Received none")


def _set_files(folder):
    """split -> its list of images; a list for all, as CVAT's, is training."""
    files = {split: folder / SETS / f"{split}.txt" for split in SPLITS}
    files = {split: file for split, file in files.items() if file.is_file()}
    for name in ("trainval", "default"):
        if not files and (folder / SETS / f"{name}.txt").is_file():
            files = {"train": folder / SETS / f"{name}.txt"}
    if not files:
        raise FileNotFoundError(f"{folder / SETS}: expected train.txt or val.txt. Received neither")
    return files


def _classes(folder):
    """(names of classes 1, 2, …, {colour code: class}) of labelmap.txt; VOC's own and None without it."""
    file = folder / LABEL_MAP
    if not file.is_file():
        return VOC_CLASSES, None
    rows = [line for line in read_lines(file) if not line.startswith("#")]
    names, codes = [], []
    for number, row in enumerate(rows, 1):
        try:
            name, color, _, _ = row.rsplit(":", 3)
            red, green, blue = (int(part) for part in color.split(","))
        except ValueError:
            raise ValueError(f"{file}: row {number}: expected `name:r,g,b::`. Received: {row!r}") from None
        names.append(name)
        codes.append(_code(red, green, blue))
    is_class = [code != 0 and name != "background" for name, code in zip(names, codes, strict=True)]
    names = [name for name, is_one in zip(names, is_class, strict=True) if is_one]
    codes = [code for code, is_one in zip(codes, is_class, strict=True) if is_one]
    return names, {code: number for number, code in enumerate(codes, 1)}


def _instances(folder, stem, size, names, value_of_color, losses):
    object_file = folder / "SegmentationObject" / f"{stem}.png"
    class_file = folder / "SegmentationClass" / f"{stem}.png"
    ids = _read_map(object_file, size, None)
    classes = _read_map(class_file, size, value_of_color)
    objects = read_objects(folder / "Annotations" / f"{stem}.xml")
    losses.add("void pixels (borders, regions to ignore), by image", object_file, int((ids < 0).any()))
    category_of = _category_by_object(ids, classes)
    instances = []
    for value, rle in rles_of(ids).items():
        category_id = category_of[value]
        if not 0 < category_id <= len(names):
            raise ValueError(
                f"{class_file}: expected a class from 1 to {len(names)} at the pixels of object {value}. "
                f"Received: {category_id}"
            )
        # The k-th object of the XML is value k, as in VOC itself.
        entry = objects[value - 1] if value <= len(objects) else {}
        instances.append(Instance(category_id, rle=rle, extra=held(entry, OBJECT_FIELDS)))
    losses.add("boxes without pixels", object_file, max(0, len(objects) - len(instances)))
    return tuple(instances)


def _category_by_object(ids, classes):
    """The class that most pixels of each id have, 0 where none has one; a list by id."""
    is_both = (ids > 0) & (classes > 0)
    count = int(classes.max(initial=0)) + 1
    votes = np.bincount(ids[is_both] * count + classes[is_both], minlength=(int(ids.max()) + 1) * count)
    return votes.reshape(-1, count).argmax(1).tolist()


def _read_map(file, size, value_of_color):
    """[H, W] int32 values of a PNG: 0 background, -1 void; indices, or what `value_of_color` says."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such mask file")
    try:
        with Image.open(file) as image:
            check_size(file, image.size, size)
            is_index = image.mode == "L" or (image.mode == "P" and value_of_color is None)
            pixels = np.asarray(image if is_index else image.convert("RGB")).astype("int32")
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{file}: expected a mask PNG. Received: {error}") from None
    if is_index:
        return np.where(pixels == VOID, -1, pixels)
    codes = _code(*np.moveaxis(pixels, 2, 0))
    found = np.unique(codes)
    if value_of_color is None:  # objects in colours of their own
        value_of_color = {code: number for number, code in enumerate(found[found > 0].tolist(), 1)}
    values = [
        0 if c == 0 else -1 if c == _code(*_COLORS[VOID]) else value_of_color.get(c) for c in found.tolist()
    ]
    if None in values:
        unknown = f"#{found[values.index(None)]:06x}"
        raise ValueError(f"{file}: expected the colours of {LABEL_MAP}. Received: {unknown}")
    return np.array(values, "int32")[np.searchsorted(found, codes)]


def _code(red, green, blue):
    return red * 65536 + green * 256 + blue


def _color(index):
    """VOC's colour of a value: its low bits, three by three, are the high bits of red, green and blue."""
    color = [0, 0, 0]
    for level in range(8):
        for channel in range(3):
            color[channel] |= (index >> (3 * level + channel) & 1) << (7 - level)
    return tuple(color)


_COLORS = tuple(_color(index) for index in range(256))


def _write_maps(folder, stem, ids, classes):
    class_of = np.array([0, *classes])
    for name, values in (("SegmentationObject", ids), ("SegmentationClass", class_of[ids])):
        image = Image.fromarray(values.astype("uint8"))
        image.putpalette([channel for color in _COLORS for channel in color])
        file = folder / name / f"{stem}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)


def _write_label_map(file, names):
    rows = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    rows += [f"{name}:{','.join(map(str, _COLORS[index]))}::" for index, name in enumerate(names, 1)]
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
