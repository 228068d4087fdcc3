"""Pascal VOC: JPEGImages, Annotations, SegmentationClass and SegmentationObject, ImageSets/Segmentation.

A pixel belongs to one object only, and an image has at most 254: 255 is void. labelmap.txt, as CVAT
writes it, names the classes; without it they are the twenty of VOC. Its `background`, black and void are
no classes.
"""

from pathlib import Path

import numpy as np

from yolact_tf.data.coco.split_names import splits_among
from yolact_tf.data.convert.class_names import category_names, read_lines
from yolact_tf.data.convert.conversion_losses import (
    Losses,
    count_category_fields,
    count_fields,
    count_reserved_names,
    held,
    without_crowds,
)
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture, Place, Report
from yolact_tf.data.convert.id_maps import paint, rles_of
from yolact_tf.data.convert.image_files import (
    annotation_names,
    listed_pictures,
    names_in_one_folder,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.voc_maps import (
    COLORS,
    VOID,
    VOID_COLOR,
    code_of,
    read_class_map,
    read_object_map,
    write_maps,
)
from yolact_tf.data.convert.voc_xml import OBJECT_FIELDS, read_objects, write_objects
from yolact_tf.files import PathLike

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train"),
    "tvmonitor",
)
LABEL_MAP = "labelmap.txt"
BACKGROUND = "background"
SETS = "ImageSets/Segmentation"


def read_voc(folder: PathLike) -> DataSet:
    """The DataSet of a VOC folder, or of the VOCdevkit/VOC2012 in it; class i becomes category i."""
    folder = _find_root(Path(folder))
    losses, splits = Losses(), {}
    names, class_of_color = _classes(folder, losses)
    for split, file in _set_files(folder).items():
        found = listed_pictures(file, folder / "JPEGImages", losses.left_out)
        pictures = []
        for (stem, image), size in zip(found, picture_sizes([image for _, image in found]), strict=True):
            with losses.left_out.skip_image():
                name = image.relative_to(folder / "JPEGImages").as_posix()
                instances = _instances(folder, stem, size(), (names, class_of_color), losses)
                pictures.append(Picture(name, image, *size(), instances))
        splits[split] = tuple(pictures)
    return DataSet({i: Category(name) for i, name in enumerate(names, 1)}, splits, losses)


def write_voc(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as a VOC folder with labelmap.txt. ValueError for more than 254 classes."""
    losses, written = Losses(), {}
    count_fields(data_set, losses, OBJECT_FIELDS)
    count_category_fields(data_set, losses)
    data_set = without_crowds(data_set, losses)
    names = category_names(data_set)
    count_reserved_names(names, (BACKGROUND,), losses)
    if len(names) >= VOID:
        raise ValueError(f"VOC holds at most {VOID - 1} classes. Received: {len(names)}")
    class_of = {category_id: number for number, category_id in enumerate(names, 1)}
    image_names = names_in_one_folder(data_set, losses)
    for split, pictures in data_set.splits.items():
        stems = annotation_names(image_names[split], split)
        written[split] = 0
        for picture, name, stem in zip(pictures, image_names[split], stems, strict=True):
            ids, instances = paint(picture, VOID - 1, losses, f"{split}/{picture.name}")
            write_maps(folder, stem, ids, [class_of[i.category_id] for i in instances])
            write_objects(folder / "Annotations" / f"{stem}.xml", name, ids, instances, names)
            place(picture, folder / "JPEGImages" / name)
            written[split] += len(instances)
        (folder / SETS).mkdir(parents=True, exist_ok=True)
        (folder / SETS / f"{split}.txt").write_text("".join(f"{stem}\n" for stem in stems), encoding="utf-8")
    _write_label_map(folder / LABEL_MAP, names.values())
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def _find_root(folder: Path) -> Path:
    for candidate in (folder, *sorted(folder.glob("VOC*")), *sorted(folder.glob("VOCdevkit/VOC*"))):
        if (candidate / SETS).is_dir():
            return candidate
    raise FileNotFoundError(f"{folder}: expected {SETS}/ in it or in VOCdevkit/VOC2012/. Received none")


def _set_files(folder):
    """split -> its list of images; a list of all, as CVAT's, is training."""
    files = {file.stem: file for file in sorted((folder / SETS).glob("*.txt"))}
    if not files:
        raise FileNotFoundError(f"{folder / SETS}: expected train.txt or val.txt. Received neither")
    names = splits_among(files, folder / SETS)
    of_all = [name for name in ("trainval", "default") if name in files] or list(files)
    if not names and (len(of_all) == 1 or len(of_all) < len(files)):
        names = {"train": of_all[0]}
    return {split: files[name] for split, name in names.items()} or files


def _classes(folder, losses):
    """(names of classes 1, 2, …, {colour code: class}) of labelmap.txt; VOC's own and None without it."""
    file = folder / LABEL_MAP
    if not file.is_file():
        return VOC_CLASSES, None
    names, class_of_color = [], {0: 0, VOID_COLOR: -1}
    rows = [line for line in read_lines(file) if not line.startswith("#")]
    for number, row in enumerate(rows, 1):
        try:
            name, color, _, _ = row.rsplit(":", 3)
            code = code_of(*(int(part) for part in color.split(",")))
        except (ValueError, TypeError):
            raise ValueError(f"{file}: row {number}: expected `name:r,g,b::`. Received: {row!r}") from None
        if name == BACKGROUND:
            class_of_color[code] = 0
        elif code in (0, VOID_COLOR):
            losses.add("classes in the colour of background or void", f"{file}: {name}")
        elif code in class_of_color:
            raise ValueError(f"{file}: row {number}: expected colours that differ. Received: {row!r}")
        else:
            names.append(name)
            class_of_color[code] = len(names)
    return names, class_of_color


def _instances(folder, stem, size, classes, losses):
    names, class_of_color = classes
    object_file = folder / "SegmentationObject" / f"{stem}.png"
    ids, is_numbered = read_object_map(object_file, size, losses)
    class_file = folder / "SegmentationClass" / f"{stem}.png"
    category_of = _category_by_object(ids, read_class_map(class_file, size, class_of_color, losses))
    objects = read_objects(folder / "Annotations" / f"{stem}.xml")
    losses.add("void pixels (borders, regions to ignore), by image", object_file, int((ids < 0).any()))
    rles, instances = rles_of(ids), []
    for value, rle in rles.items():
        with losses.left_out.skip_object(f"{class_file}: object {value}"):
            category_id = category_of[value]
            if not 0 < category_id <= len(names):
                raise ValueError(
                    f"expected a class from 1 to {len(names)} at its pixels. Received: {category_id}"
                )
            # The k-th object of the XML is value k, as in VOC itself.
            entry = objects[value - 1] if is_numbered and value <= len(objects) else {}
            instances.append(Instance(category_id, rle=rle, extra=held(entry, OBJECT_FIELDS)))
    losses.add("boxes without pixels", object_file, max(0, len(objects) - len(rles)))
    if not is_numbered:
        losses.add("what the XML says of objects in colours other than VOC's", object_file, len(objects))
    return tuple(instances)


def _category_by_object(ids, classes):
    """The class that most pixels of each id have, 0 where none has one; a list by id."""
    is_both = (ids > 0) & (classes > 0)
    count = int(classes.max(initial=0)) + 1
    votes = np.bincount(ids[is_both] * count + classes[is_both], minlength=(int(ids.max()) + 1) * count)
    return votes.reshape(-1, count).argmax(1).tolist()


def _write_label_map(file, names):
    rows = ["# label:color_rgb:parts:actions", "background:0,0,0::"]
    rows += [f"{name}:{','.join(map(str, COLORS[index]))}::" for index, name in enumerate(names, 1)]
    file.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
