"""Image files: their sizes, their names, and how they come into a new folder unaltered."""

import concurrent.futures
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from yolact_tf.data.convert.class_names import read_lines
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import DataSet, Picture
from yolact_tf.data.convert.left_out import LeftOut
from yolact_tf.files import PathLike, link_or_copy
from yolact_tf.images.decoding import inspect_image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp")


def place_picture(picture: Picture, path: Path, link: bool = True) -> None:
    """Puts the image file of `picture` at `path`: a hard link where the disk allows it, else a copy."""
    if path.exists():  # writing into a link would alter the image that it came from
        where = "embedded image" if isinstance(picture.source, bytes) else picture.source
        raise ValueError(f"{where}: expected image names that differ. Received {picture.name!r} twice")
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(picture.source, bytes):
        path.write_bytes(picture.source)
    elif link:
        link_or_copy(picture.source, path)
    else:
        shutil.copyfile(picture.source, path)


def picture_sizes(paths: Iterable[PathLike]) -> list[Callable[[], tuple[int, int]]]:
    """For each image file a function that gives its (width, height), upright, or raises what is wrong."""
    # Threads, since reading the files waits for the disk.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [pool.submit(inspect_image, path).result for path in paths]


def check_size(path: PathLike, size: Sequence[int], expected: Sequence[int]) -> None:
    """ValueError where an image is not of the (width, height) that the annotations say."""
    if tuple(size) != tuple(expected):
        raise ValueError(
            f"{path}: expected {expected[0]}x{expected[1]} pixels, as its annotations say. "
            f"Received: {size[0]}x{size[1]}"
        )


def find_pictures(folder: Path) -> list[Path]:
    """Image files of a folder and its sub-folders, by their names' endings, sorted."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of images. Received none")
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())


def find_picture(folder: Path, stem: str) -> Path:
    """The image file `stem` of `folder`, whatever its ending."""
    for path in namesakes(folder / stem):
        return path
    raise FileNotFoundError(f"{folder / stem}.jpg: no such image file, nor one of {', '.join(SUFFIXES[1:])}")


def namesakes(path: Path) -> Iterator[Path]:
    """The image files that are called `path` and an ending."""
    files = (Path(f"{path}{ending}") for suffix in SUFFIXES for ending in (suffix, suffix.upper()))
    return (file for file in files if file.is_file())


def listed_pictures(file: Path, folder: Path, left_out: LeftOut) -> list[tuple[str, Path]]:
    """[(name without ending, image file)] of what text file `file` lists, a name a line."""
    found = []
    for line in read_lines(file):
        with left_out.skip_image():
            stem = checked_name(line.rstrip(), file)
            found.append((stem, find_picture(folder, stem)))
    return found


def checked_name(name: Any, file: PathLike) -> str:
    """`name`, which `file` gives to an image. ValueError where it would lead out of a folder."""
    path = PurePosixPath(name if isinstance(name, str) else "")
    if not path.name or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{file}: expected image names below the image folder. Received: {name!r}")
    return str(path)


def checked_folder(name: Any, file: PathLike) -> str:
    """`name`, which `file` gives to a split. ValueError where no folder can be called so."""
    if checked_name(name, file) != name or "/" in name:
        raise ValueError(f"{file}: expected a name that a folder can have. Received: {name!r}")
    return name


def annotation_names(names: Iterable[str], split: str) -> list[str]:
    """Image names without their endings, by which formats with a file an image call it.

    ValueError where two images would share such a file.
    """
    known: dict[str, str] = {}
    for name in names:
        stem = str(PurePosixPath(name).with_suffix(""))
        if stem in known:
            raise ValueError(
                f"{split}: expected image names that differ by more than their endings. "
                f"Received: {known[stem]!r} and {name!r}"
            )
        known[stem] = name
    return list(known)


def names_in_one_folder(data_set: DataSet, losses: Losses) -> dict[str, list[str]]:
    """split -> names of its pictures in a folder that all splits share.

    Names without ending that occur in several splits would clash: then all get their split as a folder.
    """
    splits = data_set.splits.items()
    used = Counter(
        stem for _, pictures in splits for stem in {PurePosixPath(p.name).with_suffix("") for p in pictures}
    )
    clash = next((stem for stem, count in used.items() if count > 1), None)
    if clash is None:
        return {split: [p.name for p in pictures] for split, pictures in splits}
    losses.add("image names, now below a folder of their split", clash, sum(len(p) for _, p in splits))
    return {split: [f"{split}/{p.name}" for p in pictures] for split, pictures in splits}
