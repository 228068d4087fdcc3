"""labelme: a JSON beside each image, in train/, val/ and test/ or in one folder that is all training.

labels.txt lists the classes. Two of its lines are none to labelme's own converters: `__ignore__` has number
-1, and they leave its shapes out; `_background_` has number 0.
"""

import base64
import functools
import json
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import Any

from yolact_tf.data.coco.json_numbers import whole_number
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
from yolact_tf.data.convert.data_set import Category, DataSet, Picture, Place, Report
from yolact_tf.data.convert.image_files import (
    annotation_names,
    check_size,
    find_pictures,
    namesakes,
    picture_headers,
    place_picture,
    visible_files,
)
from yolact_tf.data.convert.labelme_shapes import (
    NO_CLASSES,
    OBJECT_FIELDS,
    instances_of,
    label_of,
    shapes_of,
)
from yolact_tf.data.convert.upright import upright
from yolact_tf.data.image_names import ImageNames
from yolact_tf.data.json_files import byte_order_mark, read_json
from yolact_tf.files import PathLike
from yolact_tf.images.inspection import inspect_bytes

LABELS = "labels.txt"
IMAGE_FIELDS = {"flags": dict}
VERSION = "5.5.0"  # of labelme, whose readers ask for one


def read_labelme(folder: PathLike) -> DataSet:
    """The DataSet of the labelme files below a folder; classes in the order of labels.txt."""
    folder = Path(folder)
    losses = Losses()
    names = splits_among((base.name for base in sorted(folder.glob("*/"))), folder)
    bases = {split: folder / name for split, name in names.items()}
    files = {split: visible_files(base, (".json",)) for split, base in bases.items()}
    if not any(files.values()):
        files, bases = {"train": visible_files(folder, (".json",))}, {"train": folder}
    if not any(files.values()):
        raise FileNotFoundError(f"{folder}: expected labelme's .json files. Received none")
    contents = {}
    for file in (file for split in files.values() for file in split):
        with losses.left_out.skip_image():
            contents[file] = _read_json(file)
            losses.accents.add("byte order mark", file, bool(byte_order_mark(file)))
    names = _class_names(folder, contents)
    category_of = {name: number for number, name in enumerate(names, 1)}
    splits = {}
    for split in (split for split in files if files[split]):
        sound = {file: contents[file] for file in files[split] if file in contents}
        splits[split] = _pictures(sound, bases[split], category_of, losses)
    _count_left_out(folder, {file for split in files.values() for file in split}, splits, losses)
    return DataSet({i: Category(name) for name, i in category_of.items()}, splits, losses)


def write_labelme(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as images with a JSON beside each, a folder a split."""
    losses, written = Losses(), {}
    count_fields(data_set, losses, OBJECT_FIELDS, IMAGE_FIELDS)
    count_category_fields(data_set, losses)
    data_set = without_crowds(data_set, losses)
    names = category_names(data_set)
    count_reserved_names(names, NO_CLASSES, losses)
    for split, pictures in data_set.splits.items():
        written[split] = 0
        stems = annotation_names([p.name for p in pictures], split)
        for picture, stem in zip(pictures, stems, strict=True):
            place(picture, folder / split / picture.name)
            objects = [shapes_of(i, n, picture, names) for n, i in enumerate(picture.instances, 1)]
            losses.add("objects without pixels", f"{split}/{picture.name}", objects.count([]))
            written[split] += len(objects) - objects.count([])
            file = folder / split / f"{stem}.json"
            file.write_text(annotation_text(picture, objects), encoding="utf-8")
    text = "".join(f"{name}\n" for name in (NO_CLASSES[0], *names.values()))
    (folder / LABELS).write_text(text, encoding="utf-8")
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def annotation_text(picture: Picture, objects: Iterable[list[dict[str, Any]]]) -> str:
    """The JSON beside a picture; objects: the shapes of each."""
    content = {
        "version": VERSION,
        "flags": held(picture.extra, IMAGE_FIELDS).get("flags", {}),
        "shapes": [shape for shapes in objects for shape in shapes],
        "imagePath": Path(picture.name).name,
        "imageData": None,
        "imageHeight": picture.height,
        "imageWidth": picture.width,
    }
    return json.dumps(content, ensure_ascii=False, indent=2)


def _count_left_out(folder, files, splits, losses):
    """Counts JSON files that are not among `files`, and images that none speaks of."""
    others = {*visible_files(folder, (".json",))} - files
    losses.add("annotation files left out", min(others, default=""), len(others))
    used = {p.source.resolve() for split in splits.values() for p in split if isinstance(p.source, Path)}
    unused = [
        path
        for path in find_pictures(folder)
        if path.resolve() not in used and path.with_suffix(".json") not in files
    ]
    losses.add("images without a JSON", min(unused, default=""), len(unused))


def _read_json(file):
    content = read_json(file, "labelme's JSON")
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise ValueError(
            f"{file}: expected labelme's JSON with a list `shapes`. Received: {str(content)[:80]}"
        )
    return content


def _class_names(folder, contents):
    used = {label_of(shape) for content in contents.values() for shape in content["shapes"]} - {None}
    file = folder / LABELS
    listed = read_lines(file) if file.is_file() else []
    return [name for name in dict.fromkeys([*listed, *sorted(used)]) if name not in NO_CLASSES]


def _pictures(contents, base, category_of, losses):
    sources, names_below = {}, functools.cache(ImageNames)
    for file, content in contents.items():
        with losses.left_out.skip_image():
            sources[file] = _source(file, content, names_below(file.parent), losses.accents)
    headers = iter(picture_headers([source for source in sources.values() if isinstance(source, Path)]))
    pictures = []
    for file, source in sources.items():
        content = contents[file]
        with losses.left_out.skip_image():
            header = next(headers)() if isinstance(source, Path) else _embedded_header(source, file)
            keys = ("imageWidth", "imageHeight")
            size = [_side(content, *of_side) for of_side in zip(keys, header.size, strict=True)]
            turn = check_size(file, header, size)
            suffix = (source if isinstance(source, Path) else Path(_image_path(content))).suffix or ".jpg"
            name = file.relative_to(base).with_suffix(suffix).as_posix()
            instances = instances_of(content["shapes"], size, category_of, losses, file)
            flags = {"flags": content["flags"]} if content.get("flags") else {}
            pictures.append(upright(Picture(name, source, *size, instances, extra=flags), turn, losses))
    return tuple(pictures)


def _side(content, key, default):
    """The number of pixels that `key` says, or as what is none says it; `default` where nothing does."""
    value = content.get(key) or default
    number = whole_number(value)
    return value if number is None else number


def _image_path(content):
    # Written on Windows it has backslashes.
    return PureWindowsPath(str(content.get("imagePath") or "")).as_posix()


def _source(file, content, names, accents):
    """The image's file, else the bytes that the JSON holds; names: the ImageNames beside the JSON."""
    path, data = file.parent / _image_path(content), content.get("imageData")
    if path.is_file():
        return path
    given, found = content.get("imagePath"), _beside(file, _image_path(content), names)
    if len(found) == 1:
        accents.add("`imagePath` of another machine", f"{file}: {given!r} read as {found[0].name!r}")
        return found[0]
    if found and not data:
        several = " or ".join(repr(other.name) for other in found)
        expected = "expected an `imagePath` that means one image"
        raise ValueError(f"{file}: {expected}. Received: {given!r}, which may be {several}")
    if not data:
        return path
    try:
        return base64.b64decode(data, validate=True)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: expected base64 as `imageData`. Received: {error}") from None


def _beside(file, image_path, names):
    """The images beside a JSON that a path from elsewhere may mean: of its name, or of the JSON's."""
    is_elsewhere = image_path == "." or "/" in image_path
    named = [file.parent / name for name in names.readings(image_path)]
    own = namesakes(file.with_suffix("")) if is_elsewhere else ()
    return list(dict.fromkeys([*named, *own]))


def _embedded_header(data, file):
    try:
        return inspect_bytes(data, file)
    except ValueError:
        raise ValueError(
            f"{file}: expected an image as `imageData`. Received: {len(data)} bytes starting {data[:8]!r}"
        ) from None
