"""Image files: their sizes, their names, and how they come into a new folder."""

import concurrent.futures
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from yolact_tf.data.coco.turning import turn_between
from yolact_tf.data.convert.class_names import read_lines
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import DataSet, Picture
from yolact_tf.data.convert.left_out import LeftOut
from yolact_tf.files import PathLike, link_or_copy
from yolact_tf.images.inspection import SUFFIXES, ImageHeader, inspect_file
from yolact_tf.images.orientation import turn
from yolact_tf.images.png_copies import write_png


def place_picture(picture: Picture, path: Path, link: bool = True) -> None:
    """Puts the image file of `picture` at `path`: a hard link where the disk allows it, a copy, or a PNG."""
    if path.exists():  # writing into a link would alter the image that it came from
        where = "embedded image" if isinstance(picture.source, bytes) else picture.source
        raise ValueError(f"{where}: expected image names that differ. Received {picture.name!r} twice")
    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.as_png:
        write_png(picture.source, path)
    elif isinstance(picture.source, bytes):
        path.write_bytes(picture.source)
    elif link:
        link_or_copy(picture.source, path)
    else:
        shutil.copyfile(picture.source, path)


def picture_headers(paths: Iterable[PathLike]) -> list[Callable[[], ImageHeader]]:
    """For each image file a function that gives its ImageHeader, or raises what is wrong."""
    # Threads, since reading the files waits for the disk.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return [pool.submit(inspect_file, path).result for path in paths]


def check_size(path: PathLike, header: ImageHeader, annotated: Sequence[int]) -> int:
    """The EXIF orientation that turns annotations of (width, height) `annotated` upright, 1 if they are.

    ValueError with `path` where they are of another image.
    """
    turn_by = turn_between(annotated, header.size, header.orientation)
    if turn_by is None:
        raise ValueError(
            f"{path}: expected {annotated[0]}x{annotated[1]} pixels, as its annotations say. "
            f"Received: {header.size[0]}x{header.size[1]}"
        )
    return turn_by


def upright_map(path: PathLike, values: np.ndarray, header: ImageHeader, losses: Losses) -> np.ndarray:
    """[H, W, …] pixels of a map that annotates an image, upright as the image is; what is turned is counted.

    ValueError with `path` where they are of another size.
    """
    height, width = values.shape[:2]
    turn_by = turn_between((width, height), header.size, header.orientation)
    if turn_by is None:
        raise ValueError(
            f"{path}: expected {header.size[0]}x{header.size[1]} pixels, as its image has them. "
            f"Received: {width}x{height}"
        )
    losses.add("maps of stored pixels, now of upright ones", path, turn_by != 1)
    return turn(values, turn_by)


def find_pictures(folder: Path) -> list[Path]:
    """Image files of a folder and its sub-folders, by their names' endings, sorted."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of images. Received none")
    return visible_files(folder, SUFFIXES)


def visible_files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Files of a folder and its sub-folders by their names' endings, sorted.

    Without what is hidden, such as the copies that Jupyter keeps in .ipynb_checkpoints.
    """
    found = (path for path in folder.rglob("*") if path.suffix.lower() in suffixes)
    return sorted(p for p in found if "/." not in f"/{p.relative_to(folder).as_posix()}" and p.is_file())


def find_picture(folder: Path, stem: str) -> Path:
    """The image file `stem` of `folder`, whatever its ending."""
    for path in namesakes(folder / stem):
        return path
    raise FileNotFoundError(f"{folder / stem}.jpg: no such image file, nor one of another ending")


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
