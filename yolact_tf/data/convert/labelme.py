"""labelme: a JSON beside each image, in train/, val/ and test/ or in one folder that is all training.

Shapes of one label and one `group_id` are one object. It has no holes, so these hang on their outline
by a seam of no width, and no crowds. labels.txt lists the classes. Two of its lines are none to labelme's
own converters: `__ignore__` has number -1, and they leave its shapes out; `_background_` has number 0.
"""

import base64
import functools
import io
import json
import math
from pathlib import Path, PureWindowsPath

import numpy as np
from PIL import Image

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
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture, Place, Report
from yolact_tf.data.convert.image_files import (
    annotation_names,
    check_size,
    find_pictures,
    namesakes,
    picture_headers,
    place_picture,
    visible_files,
)
from yolact_tf.data.convert.outlines import ellipse, rectangle
from yolact_tf.data.convert.regions import outlines_of, polygon_of, rle_of, unite_groups
from yolact_tf.data.convert.upright import upright
from yolact_tf.data.image_names import ImageNames
from yolact_tf.data.json_files import byte_order_mark, read_json
from yolact_tf.files import PathLike
from yolact_tf.images.inspection import inspect_bytes

LABELS = "labels.txt"
NO_CLASSES = ("__ignore__", "_background_")
NO_AREA = ("point", "points", "line", "linestrip")
OBJECT_FIELDS = {"flags": dict, "description": str}
IMAGE_FIELDS = {"flags": dict}
# `rotation` and `quadrilateral` are X-AnyLabeling's, in corners like `oriented_rectangle`, labelme's.
IN_CORNERS = ("polygon", "oriented_rectangle", "rotation", "quadrilateral")
OF_TWO_POINTS = ("rectangle", "circle", "mask")
BOXES = ("rectangle", "oriented_rectangle", "rotation")
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
            objects = [_shapes(i, n, picture, names) for n, i in enumerate(picture.instances, 1)]
            losses.add("objects without pixels", f"{split}/{picture.name}", objects.count([]))
            written[split] += len(objects) - objects.count([])
            content = {
                "version": VERSION,
                "flags": held(picture.extra, IMAGE_FIELDS).get("flags", {}),
                "shapes": [shape for shapes in objects for shape in shapes],
                "imagePath": Path(picture.name).name,
                "imageData": None,
                "imageHeight": picture.height,
                "imageWidth": picture.width,
            }
            file = folder / split / f"{stem}.json"
            file.write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
    text = "".join(f"{name}\n" for name in (NO_CLASSES[0], *names.values()))
    (folder / LABELS).write_text(text, encoding="utf-8")
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


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
    used = {_label(shape) for content in contents.values() for shape in content["shapes"]} - {None}
    file = folder / LABELS
    listed = read_lines(file) if file.is_file() else []
    return [name for name in dict.fromkeys([*listed, *sorted(used)]) if name not in NO_CLASSES]


def _label(shape):
    """The label of a shape; None where it has none."""
    label = shape.get("label") if isinstance(shape, dict) else None
    return label if isinstance(label, str) else None


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
            instances = _instances(content, size, category_of, losses, file)
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


def _instances(content, size, category_of, losses, file):
    width, height = size
    parts = []
    for number, shape in enumerate(content["shapes"], 1):
        here = f"{file}: shape {number}"
        with losses.left_out.skip_object(here):
            label = _label(shape)
            if label is None:
                raise ValueError(f"expected a text as `label`. Received: {str(shape)[:80]}")
            kind = shape.get("shape_type") or "polygon"
            if kind in NO_AREA:
                losses.add("points and lines, which have no area", here)
            elif kind not in (*IN_CORNERS, *OF_TWO_POINTS):
                losses.add(f"`{str(kind)[:40]}` shapes, which are not known", here)
            elif label in NO_CLASSES:
                losses.add(f"`{label}` shapes, which are of no class", here)
            else:
                region = _region(kind, shape, height, width)
                extra = {key: shape[key] for key in OBJECT_FIELDS if shape.get(key)}
                part = Instance(category_of[label], **region, is_box=kind in BOXES, extra=extra)
                parts.append((_group(shape), part))
                losses.add("circles, now polygons", here, kind == "circle")
    return unite_groups(parts, height, width, losses, file)


def _group(shape):
    group = shape.get("group_id")
    number = whole_number(group)
    if number is not None:
        return number
    if not isinstance(group, (str, type(None))):
        raise ValueError(f"expected a whole number or null as `group_id`. Received: {group!r}")
    return group


def _region(kind, shape, height, width):
    points = shape.get("points")
    if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 2 for p in points):
        raise ValueError(f"expected a list of [x, y] as `points`. Received: {str(points)[:80]}")
    flat = [value for point in points for value in point]
    if kind in IN_CORNERS or (kind == "rectangle" and len(points) == 4):
        return {"polygons": (polygon_of(flat),)}
    if len(points) != 2:
        raise ValueError(f"expected a {kind} of two points. Received: {len(points)}")
    (x1, y1), (x2, y2) = polygon_of([*flat, *flat[:2]])[:2].tolist()
    if kind == "mask":
        return {"rle": rle_of(_placed_mask(shape.get("mask"), round(x1), round(y1), height, width))}
    if kind == "rectangle":
        return {"polygons": (rectangle(x1, y1, x2, y2),)}
    radius = math.dist((x1, y1), (x2, y2))  # the points: the centre and one on the rim
    return {"polygons": (ellipse(x1, y1, radius, radius),)}


def _placed_mask(encoded, x, y, height, width):
    """[H, W] bool of a base64 PNG whose first pixel lies at x, y."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            patch = np.asarray(image.convert("L")).astype(bool)
    except (OSError, SyntaxError, TypeError, ValueError):
        raise ValueError(f"expected a base64 PNG as `mask`. Received: {str(encoded)[:80]!r}") from None
    patch = patch[max(-y, 0) :, max(-x, 0) :]  # it may reach over the image
    y, x = max(y, 0), max(x, 0)
    patch = patch[: max(height - y, 0), : max(width - x, 0)]
    canvas = np.zeros((height, width), bool)
    canvas[y : y + patch.shape[0], x : x + patch.shape[1]] = patch
    return canvas


def _shapes(instance, number, picture, names):
    outlines = outlines_of(instance, picture.height, picture.width)
    fields = {"description": "", "flags": {}, **held(instance.extra, OBJECT_FIELDS)}
    return [
        {
            "label": names[instance.category_id],
            "points": outline.tolist(),
            "group_id": number if len(outlines) > 1 else None,
            "shape_type": "polygon",
            "mask": None,
            **fields,
        }
        for outline in outlines
    ]
