"""COCO instances JSON, in any layout; written in our own. Holds everything."""

import itertools
import json
from pathlib import Path

from pycocotools import mask as coco_mask

from yolact_tf.data.coco.entries import (
    ambiguous_keys,
    image_key,
    labels_of,
    parse_image,
    parse_object,
    reference_faults,
    require_one_name,
)
from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.coco.layouts import find_split, list_splits
from yolact_tf.data.coco.plain_form import read_annotations
from yolact_tf.data.coco.split_names import SPLITS
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture, Place, Report
from yolact_tf.data.convert.image_files import (
    check_size,
    checked_name,
    names_in_one_folder,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.regions import encode, polygon_of
from yolact_tf.files import PathLike

OF_CATEGORY = ("id", "name", "supercategory")
OF_IMAGE = ("id", "file_name", "width", "height")
OF_OBJECT = ("id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd")
OF_FILE = ("images", "annotations", "categories")


def read_coco(folder: PathLike) -> DataSet:
    """The DataSet in a folder of any layout."""
    folder = Path(folder)
    categories: dict[int, Category] = {}
    losses, splits, extra = Losses(), {}, {}
    for split, (file, image_folder) in _splits(folder, losses).items():
        content, accents = read_annotations(file, image_folder)
        losses.accents.include(accents)
        _add_categories(categories, content, file, losses)
        splits[split] = _pictures(content, categories, file, image_folder, losses)
        extra[split] = _others(content, OF_FILE)
    return DataSet(dict(sorted(categories.items())), splits, losses, extra)


def write_coco(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as SPLIT.json beside images/."""
    losses, written = Losses(), {}
    names = names_in_one_folder(data_set, losses)
    everyone = [p for split in data_set.splits.values() for p in split]
    image_ids = _next_ids(p.image_id for p in everyone)
    object_ids = _next_ids(i.instance_id for p in everyone for i in p.instances)
    for split, pictures in data_set.splits.items():
        content = {**data_set.extra.get(split, {}), "images": [], "annotations": []}
        for picture, name in zip(pictures, names[split], strict=True):
            image = _image(picture, name, image_ids)
            content["images"].append(image)
            for instance in picture.instances:
                row = _annotation(instance, image, object_ids)
                if row["bbox"][2] > 0 and row["bbox"][3] > 0:
                    content["annotations"].append(row)
                else:
                    losses.add("objects without area", f"{split}/{picture.name}")
            place(picture, folder / "images" / name)
        content["categories"] = [_category(*entry) for entry in data_set.categories.items()]
        written[split] = len(content["annotations"])
        (folder / f"{split}.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def _splits(folder, losses):
    """split -> (annotation file, image folder); any other JSON beside them is counted as lost."""
    found = {split: find_split(folder, split) for split in list_splits(folder) or SPLITS[:1]}
    known = {file for file, _ in found.values()}
    for pattern in ("*.json", "annotations/*.json"):
        others = set(folder.glob(pattern)) - known
        losses.add("annotation files left out", min(others, default=""), len(others))
    return found


def _add_categories(categories, content, file, losses):
    require_one_name(content, labels_of(content, file), file)
    for entry in content["categories"]:
        category_id = whole_number(entry["id"])
        category = Category(str(entry["name"]), str(entry.get("supercategory") or ""))
        known = categories.setdefault(category_id, category)
        if known != category:
            raise ValueError(
                f"{file}: expected category {category_id} to be {known.name!r}, as in the other splits. "
                f"Received: {category.name!r} ({category.supercategory or 'no supercategory'})"
            )
        others = _others(entry, OF_CATEGORY)
        losses.add("fields of categories", f"{category.name}: {', '.join(others)}", bool(others))


def _pictures(content, categories, file, image_folder, losses):
    rows_of, parsed = _rows_by_image(content, categories, file, losses.left_out), []
    for image in content["images"]:
        with losses.left_out.skip_image():
            entry = _parsed(image, file)
            parsed.append((image, entry, checked_name(entry.file_name, file)))
    ambiguous = ambiguous_keys(entry for _, entry, _ in parsed)
    sizes = picture_sizes([image_folder / name for *_, name in parsed])
    pictures = []
    for (image, entry, name), size in zip(parsed, sizes, strict=True):
        with losses.left_out.skip_image():
            if entry.image_id in ambiguous:
                expected = f"image {entry.image_id!r}: expected ids to be unique"
                raise ValueError(f"{file}: {expected}. Received: that of {name!r} in an entry of another")
            check_size(image_folder / name, size(), (entry.width, entry.height))
            instances = _instances(rows_of[entry.image_id], size(), file, losses)
            others = _others(image, OF_IMAGE)
            pictures.append(Picture(name, image_folder / name, *size(), instances, entry.image_id, others))
    return tuple(pictures)


def _parsed(image, file):
    try:
        return parse_image(image)
    except ValueError as error:
        raise ValueError(f"{file}: image {image['id']!r}: {error}") from None


def _rows_by_image(content, categories, file, left_out):
    """Image key -> its annotations, without those of images or categories that are not there."""
    keys = (image_key(image["id"]) for image in content["images"])
    rows_of = {key: [] for key in keys if key is not None}
    for row in content["annotations"]:
        with left_out.skip_object(_name_of(row, file)):
            for fault in reference_faults(row, rows_of, categories):
                raise fault
            rows_of[image_key(row["image_id"])].append(row)
    return rows_of


def _name_of(row, file):
    return f"{file}: annotation {row.get('id', '(no id)')}"


def _instances(rows, size, file, losses):
    instances = []
    for row in rows:
        where = _name_of(row, file)
        with losses.left_out.skip_object(where):
            instances.append(_instance(row, size, losses, where))
    return tuple(instances)


def _instance(row, size, losses, where):
    width, height = size
    entry, faults = parse_object(row, height, width)
    if entry is None:
        raise faults[0]
    losses.add("parts of objects that are no outline", where, len(entry.mask.dropped))
    polygons = tuple(polygon_of(polygon) for polygon in entry.mask.polygons)
    x, y, w, h = entry.xywh
    return Instance(
        whole_number(row["category_id"]),
        polygons=polygons,
        rle=None if polygons else {"size": [height, width], "counts": row["segmentation"]["counts"]},
        is_crowd=entry.is_crowd,
        is_box=entry.is_box,
        instance_id=row.get("id"),
        area=row.get("area"),
        box=(x, y, x + w, y + h),
        extra=_others(row, OF_OBJECT),
    )


def _others(entry, known):
    return {key: value for key, value in entry.items() if key not in known}


def _next_ids(ids):
    """Ids for those that have none, above all that are there."""
    return itertools.count(1 + max((i for i in ids if isinstance(i, int)), default=0))


def _category(category_id, category):
    entry = {"id": category_id, "name": category.name, "supercategory": category.supercategory}
    return entry if category.supercategory else {"id": category_id, "name": category.name}


def _image(picture, name, ids):
    image_id = next(ids) if picture.image_id is None else picture.image_id
    size = {"height": picture.height, "width": picture.width}
    return {"id": image_id, "file_name": name, **size, **picture.extra}


def _annotation(instance, image, ids):
    is_given = instance.area is not None and instance.box is not None
    rle = None if is_given else encode(instance, image["height"], image["width"])
    return {
        "id": next(ids) if instance.instance_id is None else instance.instance_id,
        "image_id": image["id"],
        "category_id": instance.category_id,
        "iscrowd": int(instance.is_crowd),
        "area": int(coco_mask.area(rle)) if instance.area is None else instance.area,
        "bbox": _xywh(instance, rle),
        "segmentation": instance.rle or [polygon.ravel().tolist() for polygon in instance.polygons],
        **instance.extra,
    }


def _xywh(instance, rle):
    """COCO's box: that of the source, else of the pixels."""
    if instance.box is None:
        return coco_mask.toBbox(rle).tolist()
    x1, y1, x2, y2 = instance.box
    return [round(v, 6) for v in (x1, y1, x2 - x1, y2 - y1)]  # 6: the sums' last digits are noise
