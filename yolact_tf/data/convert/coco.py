"""COCO instances JSON, in our own layout or the official one; written in our own. Holds everything."""

import itertools
import json
import math
from pathlib import Path

from pycocotools import mask as coco_mask

from yolact_tf.data.coco import LAYOUTS, find_split, read_coco_json
from yolact_tf.data.convert.data_set import SPLITS, Category, DataSet, Instance, Picture, Report, crowd_of
from yolact_tf.data.convert.losses import Losses
from yolact_tf.data.convert.pictures import (
    check_size,
    checked_name,
    names_in_one_folder,
    picture_sizes,
    place_picture,
)
from yolact_tf.data.convert.regions import checked_rle, encode, polygon_of

OF_CATEGORY = ("id", "name", "supercategory")
OF_IMAGE = ("id", "file_name", "width", "height")
OF_OBJECT = ("id", "image_id", "category_id", "segmentation", "area", "bbox", "iscrowd")
OF_FILE = ("images", "annotations", "categories")


def read_coco(folder):
    """The DataSet in a folder with train.json beside images/, or with annotations/ beside train2017/."""
    folder = Path(folder)
    losses, categories, splits, extra = Losses(), {}, {}, {}
    for split in _splits(folder, losses):
        file, image_folder = find_split(folder, split)
        content = read_coco_json(file)
        _add_categories(categories, content, file, losses)
        splits[split] = _pictures(content, categories, file, image_folder, losses)
        extra[split] = _others(content, OF_FILE)
    return DataSet(dict(sorted(categories.items())), splits, losses, extra)


def write_coco(data_set, folder, place=place_picture):
    """Writes `data_set` as SPLIT.json beside images/."""
    losses, written = Losses(), {}
    names = names_in_one_folder(data_set, losses)
    pictures = [p for split in data_set.splits.values() for p in split]
    image_ids = _next_ids(p.image_id for p in pictures)
    object_ids = _next_ids(i.instance_id for p in pictures for i in p.instances)
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
    """Splits with a file of annotations; any other JSON beside them is counted as lost."""
    files = {s: [folder / a.format(split=s) for a, _ in LAYOUTS] for s in SPLITS}
    found = [split for split in SPLITS if any(file.is_file() for file in files[split])]
    if not found:
        find_split(folder, "train")  # its error says what was looked for
    known = {file for split in found for file in files[split]}
    for pattern in ("*.json", "annotations/*.json"):
        others = set(folder.glob(pattern)) - known
        losses.add("annotation files left out", min(others, default=""), len(others))
    return found


def _add_categories(categories, content, file, losses):
    for entry in content["categories"]:
        if not isinstance(entry["id"], int):
            raise ValueError(
                f"{file}: expected a whole number as `id` in every entry of `categories`. "
                f"Received: {entry['id']!r}"
            )
        category = Category(str(entry["name"]), str(entry.get("supercategory") or ""))
        known = categories.setdefault(entry["id"], category)
        if known != category:
            raise ValueError(
                f"{file}: expected category {entry['id']} to be {known.name!r}, as in the other splits. "
                f"Received: {category.name!r} ({category.supercategory or 'no supercategory'})"
            )
        others = _others(entry, OF_CATEGORY)
        losses.add("fields of categories", f"{category.name}: {', '.join(others)}", bool(others))


def _pictures(content, categories, file, image_folder, losses):
    rows_of, named = _rows_by_image(content, categories, file, losses.malformed), []
    for image in content["images"]:
        with losses.malformed.skip_image():
            if not isinstance(image["id"], (int, str)):
                raise ValueError(
                    f"{file}: expected a whole number or a text as `id` of an image. "
                    f"Received: {image['id']!r}"
                )
            named.append((image, checked_name(image["file_name"], file)))
    sizes = picture_sizes([image_folder / name for _, name in named])
    pictures = []
    for (image, name), size in zip(named, sizes, strict=True):
        with losses.malformed.skip_image():
            check_size(image_folder / name, size(), (image["width"], image["height"]))
            instances = _instances(rows_of[image["id"]], size(), file, losses)
            others = _others(image, OF_IMAGE)
            pictures.append(Picture(name, image_folder / name, *size(), instances, image["id"], others))
    return tuple(pictures)


def _rows_by_image(content, categories, file, malformed):
    """Image id -> its annotations, without those of images or categories that are not there."""
    rows_of = {image["id"]: [] for image in content["images"] if isinstance(image["id"], (int, str))}
    for row in content["annotations"]:
        with malformed.skip_object(_name_of(row, file)):
            for name, known in (("image_id", rows_of), ("category_id", categories)):
                if not isinstance(row[name], (int, str)) or row[name] not in known:
                    raise ValueError(
                        f"expected the id of one of {len(known)} as `{name}`. Received: {row[name]!r}"
                    )
            rows_of[row["image_id"]].append(row)
    return rows_of


def _name_of(row, file):
    return f"{file}: annotation {row.get('id', '(no id)')}"


def _instances(rows, size, file, losses):
    instances = []
    for row in rows:
        where = _name_of(row, file)
        with losses.malformed.skip_object(where):
            instances.append(_instance(row, size, losses, where))
    return tuple(instances)


def _instance(row, size, losses, where):
    width, height = size
    segmentation = row.get("segmentation")
    shape = (
        {"polygons": _polygons(segmentation, losses, where)}
        if isinstance(segmentation, list) and segmentation
        else {"rle": checked_rle(segmentation, height, width)}
    )
    return Instance(
        row["category_id"],
        **shape,
        is_crowd=crowd_of(row),
        instance_id=row.get("id"),
        area=row.get("area"),
        box=_corners(row["bbox"]),
        extra=_others(row, OF_OBJECT),
    )


def _polygons(segmentation, losses, where):
    """The polygons of an object without those that are no outline. ValueError where none is."""
    sound, error = [], None
    for polygon in segmentation:
        try:
            sound.append(polygon_of(polygon))
        except ValueError as caught:
            error = caught
    if not sound:
        raise error
    losses.add("parts of objects that are no outline", where, len(segmentation) - len(sound))
    return tuple(sound)


def _corners(bbox):
    """COCO's [x, y, w, h] as corners."""
    is_box = isinstance(bbox, list) and len(bbox) == 4
    if not is_box or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in bbox):
        raise ValueError(f"expected four finite numbers as `bbox`. Received: {bbox!r}")
    x, y, w, h = map(float, bbox)
    return x, y, x + w, y + h


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
