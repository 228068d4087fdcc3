"""YOLO segmentation: data.yaml, images/SPLIT/ and labels/SPLIT/ with a row of one polygon an object.

A row is `class x1 y1 x2 y2 …` in fractions of the image. It holds no ids, crowds or several outlines:
parts and holes are tied into one outline by seams of no width, as Ultralytics' own converters do.
A row of a box, `class x y width height` as for detection, says nothing of a mask; a pose's keypoints are
behind one, where data.yaml has `kpt_shape`.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import yaml

from yolact_tf.data.coco.split_names import SPLITS, split_of, splits_among
from yolact_tf.data.convert.class_names import read_lines
from yolact_tf.data.convert.conversion_losses import (
    Losses,
    count_category_fields,
    count_fields,
    without_crowds,
)
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture, Place, Report
from yolact_tf.data.convert.image_files import (
    annotation_names,
    find_pictures,
    picture_headers,
    place_picture,
)
from yolact_tf.data.convert.outlines import join, rectangle, trace
from yolact_tf.data.convert.regions import mask_of, outlines_of, polygon_of
from yolact_tf.data.image_names import ImageNames, accents_of
from yolact_tf.files import PathLike

_TOLERANCE = 0.01  # of the image, beyond its border; Ultralytics tolerates as much


class _Rows(NamedTuple):
    """What rows of labels may say."""

    num_classes: int
    have_keypoints: bool  # after a box, which else would be points of a polygon


def read_yolo(folder: PathLike) -> DataSet:
    """The DataSet that data.yaml of a folder describes; class i becomes category i + 1."""
    folder = Path(folder)
    file, content = _read_yaml(folder)
    names = _names(content, file)
    root = _root(content, folder)
    rows = _Rows(len(names), "kpt_shape" in content)
    losses, splits = Losses(), {}
    for split, key in splits_among((key for key in content if content[key]), file).items():
        entries = _entries(content[key], file)
        if "train" in splits and not any(_existing(root, entry).exists() for entry in entries):
            losses.add("splits that are listed and not there", f"{split}: {root / entries[0]}")
        else:
            splits[split] = _pictures(entries, root, rows, losses)
    if not splits:
        raise ValueError(f"{file}: expected one of {', '.join(SPLITS)}. Received: {', '.join(content)}")
    return DataSet({i: Category(name) for i, name in enumerate(names, 1)}, splits, losses)


def write_yolo(data_set: DataSet, folder: Path, place: Place = place_picture) -> Report:
    """Writes `data_set` as data.yaml, images/SPLIT/ and labels/SPLIT/."""
    losses, written = Losses(), {}
    count_fields(data_set, losses)
    count_category_fields(data_set, losses)
    data_set = without_crowds(data_set, losses)
    class_of = {category_id: index for index, category_id in enumerate(data_set.categories)}
    for split, pictures in data_set.splits.items():
        written[split] = 0
        stems = annotation_names([p.name for p in pictures], split)
        for picture, name in zip(pictures, stems, strict=True):
            rows = label_rows(picture, class_of, losses, f"{split}/{picture.name}")
            written[split] += len(rows)
            labels = folder / "labels" / split / f"{name}.txt"
            labels.parent.mkdir(parents=True, exist_ok=True)
            labels.write_text("".join(rows), encoding="utf-8")
            place(picture, folder / "images" / split / picture.name)
    names = dict(enumerate(category.name for category in data_set.categories.values()))
    # No `path`: without it Ultralytics starts from the file's own folder, which may then be moved.
    content = {split: f"images/{split}" for split in data_set.splits} | {"names": names}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return Report({s: len(p) for s, p in data_set.splits.items()}, written, losses)


def label_rows(picture: Picture, class_of: Mapping[int, int], losses: Losses, where: str) -> list[str]:
    """The lines of a picture's label file, one an object that has pixels; class_of: category id -> class."""
    outlines = [(class_of[i.category_id], _outline(i, picture, losses, where)) for i in picture.instances]
    return [_row(index, outline, picture) for index, outline in outlines if outline is not None]


def _read_yaml(folder):
    files = [folder / "data.yaml"] if (folder / "data.yaml").is_file() else sorted(folder.glob("*.y*ml"))
    if len(files) != 1:
        found = ", ".join(file.name for file in files) or "none"
        raise FileNotFoundError(f"{folder}: expected data.yaml or one other .yaml file. Received: {found}")
    try:
        # All values as text: a class may be called `no` or `1`.
        content = yaml.load(files[0].read_bytes(), yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{files[0]}: expected YAML. Received: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{files[0]}: expected a mapping with `names`. Received: {str(content)[:80]!r}")
    return files[0], content


def _names(content, file):
    """Class names by index: `names` is a list, or a mapping from 0, 1, …"""
    names = content.get("names")
    if isinstance(names, dict):
        wanted = [str(index) for index in range(len(names))]
        if set(names) != set(wanted):
            raise ValueError(
                f"{file}: expected `names` for 0 to {len(names) - 1}. Received: {list(names)[:12]}"
            )
        names = [names[index] for index in wanted]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{file}: expected a list or mapping of class names as `names`. Received: {names!r}")
    return names


def _entries(entry, file):
    """The folders and lists of images of a split: one, or a list of them."""
    entries = entry if isinstance(entry, list) else [entry]
    if not all(isinstance(item, str) and item for item in entries):
        raise ValueError(f"{file}: expected a folder of images, or a list of folders. Received: {entry!r}")
    return entries


def _root(content, folder):
    """`path` of data.yaml where it exists: it is often left over from another machine."""
    path = content.get("path") or "."
    return folder / path if isinstance(path, str) and (folder / path).is_dir() else folder


def _pictures(entries, root, rows, losses):
    files = [file for item in entries for file in _files(item, root, losses.accents)]
    is_one_folder = len(entries) == 1 and not entries[0].lower().endswith(".txt")
    base = _existing(root, entries[0]) if is_one_folder else None
    headers = picture_headers(files)
    labels = [_existing_label_file(file) for file in files]
    if base:
        orphans = set(_label_file(base / "x").parent.rglob("*.txt")) - set(labels)
        losses.add("label files without image", min(orphans, default=""), len(orphans))
    pictures = []
    for file, label, header in zip(files, labels, headers, strict=True):
        name = file.relative_to(base).as_posix() if base else _below_images(file)
        with losses.left_out.skip_image():
            size = header().size
            instances = _instances(label, size, rows, losses)
            pictures.append(Picture(name, file, *size, instances))
    return tuple(pictures)


def _files(item, root, accents):
    """The images of a folder, or those that a text file lists."""
    path = _existing(root, item)
    if path.suffix.lower() != ".txt":
        return find_pictures(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a list of images. Received none")
    names, files = ImageNames(path.parent), []
    for line in map(str.strip, read_lines(path)):
        found = [] if names.is_plain(line) else names.readings(line)
        plain = found[0] if len(found) == 1 else line
        for kind in accents_of(line, plain) if plain != line else ():
            accents.add(kind, f"{path}: {line!r} read as {plain!r}")
        files.append(path.parent / plain)
    return files


def _existing(root, item):
    """`item` below `root`, less leading folders that are not there: of other machines, Roboflow's `../`.

    A folder of a split is no such folder: without it, images of all splits would be of this one.
    """
    parts = PurePosixPath(item.replace("\\", "/")).parts
    leading = itertools.takewhile(lambda part: split_of(part) not in SPLITS, parts[:-1])
    shorter = (root.joinpath(*parts[start:]) for start, _ in enumerate(leading, 1))
    tried = (root / item, root.joinpath(*parts), *shorter)
    return next((path for path in tried if path.exists()), tried[0])


def _below_images(file):
    parts = file.parts
    start = len(parts) - 1 - parts[::-1].index("images") if "images" in parts else len(parts) - 2
    return str(PurePosixPath(*parts[start + 1 :]))


def _label_file(image):
    """Beside the image, in the folder that is called `labels` where the image's is `images`."""
    parts = list(image.parts)
    if "images" in parts:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def _existing_label_file(image):
    """`_label_file`, or where that is not there the one beside the image that is."""
    file, beside = _label_file(image), image.with_suffix(".txt")
    return beside if beside.is_file() and not file.is_file() else file


def _instances(file, size, rows, losses):
    """Objects of a label file; no file means none."""
    if not file.is_file():
        return ()
    instances = []
    text = file.read_text(encoding="utf-8-sig", errors="replace")  # what is no number is named below
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where, words = f"{file}: row {number}", line.split()
            if rows.have_keypoints:
                losses.add("keypoints", where, len(words) > 5)
                words = words[:5]
            with losses.left_out.skip_object(where):
                instances.append(_instance(words, size, rows.num_classes))
    return tuple(instances)


def _instance(words, size, num_classes):
    is_box = len(words) == 5
    if not is_box and (len(words) < 7 or len(words) % 2 == 0):
        raise ValueError(
            f"expected a class and a box, or three or more points. Received: {len(words)} numbers"
        )
    numbers = [_number(word) for word in words]
    if numbers[0] not in range(num_classes):
        raise ValueError(f"expected a class from 0 to {num_classes - 1}. Received: {words[0]}")
    points = np.array(numbers[1:]).reshape(-1, 2)
    if not ((points >= -_TOLERANCE) & (points <= 1 + _TOLERANCE)).all():
        raise ValueError(f"expected coordinates from 0 to 1. Received: {points.min():g} to {points.max():g}")
    if is_box:
        points = _corners(*points)
    # Rounded: pixels that were divided by the image's size shall be the same pixels again.
    polygon = polygon_of((points * size).round(6).ravel().tolist())
    return Instance(int(numbers[0]) + 1, polygons=(polygon,), is_box=is_box)


def _corners(center, extent):
    """Corners inside the image of a box that is given by its centre and its width and height."""
    if not (extent > 0).all():
        raise ValueError(
            f"expected a box of positive width and height. Received: {extent[0]:g} x {extent[1]:g}"
        )
    (x1, y1), (x2, y2) = (center - extent / 2).clip(0, 1), (center + extent / 2).clip(0, 1)
    return rectangle(x1, y1, x2, y2)


def _number(word):
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"expected numbers. Received: {word!r}") from None


def _outline(instance, picture, losses, where):
    """The one outline of an instance, with the same mask; None where it has no pixels."""
    height, width = picture.height, picture.width
    outlines = outlines_of(instance, height, width)
    if not outlines:
        losses.add("objects without pixels", where)
        return None
    is_inside = all((p >= 0).all() and (p <= (width, height)).all() for p in outlines)
    losses.add("polygons over the image's border, now drawn along pixels", where, not is_inside)
    if is_inside and len(outlines) == 1:
        return outlines[0]
    losses.add("objects of several outlines, now tied by seams", where, len(outlines) > 1)
    mask = mask_of(instance, height, width)
    if is_inside:
        joined = join(outlines)
        if (mask_of(Instance(0, polygons=(joined,)), height, width) == mask).all():
            return joined
        losses.add("outlines that overlap, now drawn along pixels", where)
    traced = trace(mask)
    losses.add("objects without pixels", where, not traced)
    return join(traced) if traced else None


def _row(index, outline, picture):
    fractions = outline / (picture.width, picture.height)
    return " ".join([str(index), *(f"{v:.12g}" for v in fractions.ravel())]) + "\n"
