"""Where the annotations and images of a split lie, by the layouts that common tools write.

Names propose, files decide: a layout is a reading of a folder where images that its annotations name are
there. What no reading needs does not matter; two readings are refused.
"""

import itertools
import json
import mmap
import os
import re
from pathlib import Path
from typing import NamedTuple

from yolact_tf.data.coco.split_names import SPLITS, names_of, split_among, split_of
from yolact_tf.data.image_names import with_slashes
from yolact_tf.files import PathLike

# The documented layouts, as (annotations, images): where the latter are, nothing competes with them.
_DOCUMENTED = (
    ("{split}.json", "images"),
    ("annotations/instances_{split}2017.json", "{split}2017"),
)
# Annotations in a folder of one split: by Roboflow, CVAT and Datumaro, Label Studio, FiftyOne, and others.
_IN_SPLIT_FOLDER = (
    *("_annotations.coco.json", "annotations.coco.json"),
    *("annotations/instances_*.json", "annotations/instances.json"),
    *("result.json", "result_coco.json"),
    "labels.json",
    *("annotations.json", "annotation_coco.json", "coco.json", "instances.json", "dataset.json"),
    *("{name}.json", "instances_{name}.json"),
)
_OF_ANY_NAME = ("*.json", "annotations/*.json")
# Of COCO's and Datumaro's other tasks, beside `instances_…`.
_OTHER_TASKS = ("captions_", "image_info_", "labels_", "panoptic_", "person_keypoints_", "stuff_")
_ANNOTATION_FOLDERS = ("annotations", "annotation", "labels")  # in upper case, too
_MOST_FILES = 32  # more JSONs than that beside each other are of an image each, and not read to find out
_NUM_NAMES = 64  # of images, by which a folder is known; more than are lost in a row
_IMAGES = re.compile(rb'"images"\s*:\s*\[')
_FILE_NAME = re.compile(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.)+")')


class _File(NamedTuple):
    """A file that may hold the annotations of a split."""

    path: Path
    base: Path  # the folder of the split, or of the data set
    name: str  # what the split is called: Train, val2017, default


def find_split(data: PathLike, split: str) -> tuple[Path, Path]:
    """(annotation file, image folder) of a split, whatever it is called there: `valid` is one of val, too.

    FileNotFoundError names what was looked for, ValueError the readings where there are several.
    """
    data = Path(data)
    if not data.is_dir():
        raise FileNotFoundError(f"Data must be a folder. Received: {str(data)!r}, which is none")
    files = _files_of(data, split)
    if not files:
        raise FileNotFoundError(f"{data}: {_missing(data, split)}")
    readings: dict[tuple[Path, Path], tuple[Path, Path]] = {}
    for annotations, images in (reading for file in files for reading in _readings(file, data)):
        # Links to one of them are no second reading.
        readings.setdefault((annotations.resolve(), images.resolve()), (annotations, images))
    if len(readings) > 1:
        first, second = (
            f"{annotations.relative_to(data)} with {images.relative_to(data)}/"
            for annotations, images in itertools.islice(readings.values(), 2)
        )
        raise ValueError(f"{data}: expected one reading of {split}. Received two: {first}, or {second}")
    return next(iter(readings.values()), None) or _without_images(files[0], data)


def has_split(data: PathLike, split: str) -> bool:
    """Whether a folder has annotations of a split."""
    return Path(data).is_dir() and bool(_files_of(Path(data), split))


def list_splits(data: PathLike) -> list[str]:
    """The splits of a folder: those of SPLITS, then CVAT's subsets of other names, each with its images."""
    data = Path(data)
    training = _files_of(data, "train")
    subsets = [
        f for f in _in_annotations(data) if split_of(f.name) not in SPLITS and _has_own_images(f, data)
    ]
    if len(training) > 1 and set(training) <= set(subsets):  # none of them is the one to train on
        training = []
    others = sorted(file.name for file in subsets if file not in training)
    return ["train"] * bool(training) + [s for s in SPLITS[1:] if has_split(data, s)] + others


def is_documented(data: PathLike, annotation_file: Path, image_folder: Path) -> bool:
    """Whether what `find_split` found is laid out as documented, and not as another tool does."""
    return _documented(annotation_file, Path(data)) == [image_folder]


def _files_of(data, split):
    """[_File] that hold annotations of a split, by the most telling kind of name that there is."""
    meant = split_of(split)
    files = [*_in_root(data), *_in_annotations(data)]
    named = [f for f in files if split_of(f.name) == meant]
    named += _in_split_folders(data, meant, _IN_SPLIT_FOLDER)
    named += () if named else _in_split_folders(data, meant, _OF_ANY_NAME)
    exact = [f for f in named if f.name == split and split not in SPLITS]
    if named:
        return exact or named
    others = [f for f in files if split_of(f.name) not in SPLITS]
    others = [f for f in others if first_file_names(f.path)] if len(others) <= _MOST_FILES else []
    others = [f for f in others if _readings(f, data)] or others
    wordy = [f for f in others if split_among(f.name) == meant]
    if wordy or meant != "train":
        return wordy
    return [f for f in others if not split_among(f.name)]  # a set that is not split is one to train on


def _in_root(data):
    return [_File(path, data, _name_of(path)) for path in sorted(data.glob("*.json")) if path.is_file()]


def _in_annotations(data):
    folders = [path for path in sorted(data.iterdir()) if path.name.casefold() in _ANNOTATION_FOLDERS]
    folders += sorted(data.glob("annotations_trainval*/annotations"))  # COCO's own archive, unpacked
    paths = [path for folder in folders for path in sorted(folder.glob("*.json"))]
    paths = [path for path in paths if path.is_file() and not path.name.startswith(_OTHER_TASKS)]
    return [_File(path, data, _name_of(path)) for path in paths]


def _name_of(path):
    return path.stem.removeprefix("instances_")


def _in_split_folders(data, split, patterns):
    for folder in sorted(data.iterdir()):
        if split_of(folder.name) == split and folder.is_dir():
            for pattern in patterns:
                paths = sorted(folder.glob(pattern.format(name=folder.name)))
                for path in paths if len(paths) <= _MOST_FILES else ():
                    if first_file_names(path):
                        yield _File(path, folder, folder.name)


def _readings(file, data):
    """[(annotation file, image folder)] of the likeliest kind of folder that holds images of the file."""
    return [(file.path, folder) for folder in next(filter(None, _image_folders(file, data)), [])]


def _has_own_images(file, data):
    return any(images.name == file.name for _, images in _readings(file, data))


def _image_folders(file, data):
    """Lists of folders that hold images of a file, the likeliest kind of folder first."""
    names = first_file_names(file.path)

    def those(held, folders):
        found = {}  # by the first file: folders that lead to the same one are one reading
        for folder in folders:
            if folder.is_dir():
                found.setdefault(next(filter(None, (held(folder, name) for name in names)), None), folder)
        return [folder for file, folder in found.items() if file]

    documented = _documented(file.path, data)
    yield those(_held, documented)
    for base in dict.fromkeys((file.base, data)):
        inner = _inner(file, base)
        yield those(_held, inner)
        yield those(_held_below, documented + inner)
        yield those(_held, [file.path.parent, base])
        yield those(_held, _of_split(file, base))
        yield _of_any_name(file, base)
        yield those(_held_last, [*documented, *inner, base])
    yield those(_elsewhere, [data])


def _documented(path, data):
    """[image folder] of an annotation file of a documented layout, [] for another."""
    for annotations, images in _DOCUMENTED:
        for split in SPLITS:
            if path == data / annotations.format(split=split):
                return [data / images.format(split=split)]
    return []


def _inner(file, base):
    """The folders below `base` that people name for their content: a split, or images of any."""
    names = dict.fromkeys((file.name, file.name.lower(), *names_of(split_among(file.name))))
    own = [base / path for n in names for path in (f"images/{n}", n, f"{n}/images", f"{n}/data")]
    return [*own, base / "images", base / "data"]


def _of_split(file, base):
    """Folders that are called after the split in yet another way, such as train2017."""
    split = split_among(file.name)
    folders = itertools.chain(base.glob("*/"), base.glob("*/*/"))
    return [folder for folder in folders if split and split_of(folder.name) == split]


def _of_any_name(file, base):
    """Folders below `base` that hold all images that any of them holds; `base` where these lie in several."""
    names = first_file_names(file.path, None)
    folders = [f for f in base.glob("[!.]*/") if split_of(f.name) not in SPLITS]
    held = {folder: {name for name in names if _held(folder, name)} for folder in folders}
    found = set().union(*held.values())
    return [f for f in folders if held[f] == found] or [base] if found else []


def _held(folder, name):
    """The file of a name below a folder, None where there is none."""
    path = folder / name
    is_below = not name.startswith("/") and ".." not in name.split("/")
    return path if is_below and os.path.isfile(path) else None  # unlike Path.is_file, takes any length


def _held_below(folder, name):
    """The file below a folder whose name repeats it, as images/a.jpg does in images/."""
    parts = tuple(name.split("/"))
    repeated = (n for n in range(1, len(parts)) if folder.parts[-n:] == parts[:n])
    return next(filter(None, (_held(folder, "/".join(parts[n:])) for n in repeated)), None)


def _held_last(folder, name):
    """The file below a folder whose name begins with folders of another machine."""
    return _held(folder, name.rpartition("/")[2])


def _elsewhere(_, name):
    return name if name.startswith("/") and os.path.isfile(name) else None


def first_file_names(path: Path, most: int | None = _NUM_NAMES) -> list[str]:
    """The first `file_name`s in `images` of a JSON file, with slashes, which is read no further.

    most: how many; None for all.  [] where the file has none, for COCO's annotations have.
    """
    if not path.stat().st_size:
        return []
    with open(path, "rb") as file:
        text: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    encoding = json.detect_encoding(text[:4])
    if not encoding.startswith("utf-8"):
        text = path.read_text(encoding, errors="replace").encode()
    images = _IMAGES.search(text)
    found = _FILE_NAME.finditer(text, images.end()) if images else ()
    names = [_posix(match[1]) for match in itertools.islice(found, most)]
    return [name for name in names if name]


def _posix(literal):
    try:
        return with_slashes(json.loads(literal))
    except ValueError:
        return ""


def _without_images(file, data):
    """(annotation file, image folder) where no image is found: the folder in which they are missing."""
    documented = _documented(file.path, data)
    beside = [file.base] if file.base != data else []
    for folder in (*documented, *_inner(file, file.base), *beside):
        if folder.is_dir():
            return file.path, folder
    expected = [*documented, data / "images"][0]
    raise FileNotFoundError(f"Expected the images of {file.path} in {expected}/")


def _missing(data, split):
    """What was looked for and what is there, in words."""
    found = list_splits(data)
    if split_of(split) == "val" and "train" in found:
        return (
            f"expected a validation split, such as val.json. Received: {', '.join(found)}; "
            f"`yolact data split {data} OUT --val 0.2` makes one"
        )
    entries = sorted(data.iterdir())
    names = ", ".join(entry.name for entry in entries[:6]) or "an empty folder"
    inside = [e for e in entries if e.is_dir() and split_of(e.name) not in SPLITS]
    inside = [e for e in inside if any(_readings(file, e) for file in _files_of(e, split))]
    hint = f"; {inside[0]} has it" if len(inside) == 1 else ""
    looked_for = " or ".join(annotations.format(split=split) for annotations, _ in _DOCUMENTED)
    others = "another tool's layout (docs/how-to/data.md; `yolact data convert` reads what is not COCO)"
    return f"expected {looked_for}, or {others}. Received: {names}{hint}"
