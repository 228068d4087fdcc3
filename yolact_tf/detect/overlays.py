"""Files in, overlays and detections.json out."""

import glob
import itertools
import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yolact_tf.detect.image_inputs import pixels_of
from yolact_tf.draw.picture_files import is_our_picture, save_picture
from yolact_tf.files import require_writable, write_text
from yolact_tf.images.inspection import SUFFIXES
from yolact_tf.structures import Progress

if TYPE_CHECKING:
    from yolact_tf.detect.detector import Detector

logger = logging.getLogger(__name__)
_ROW_KEYS = {"image_id", "category_id", "segmentation", "file_name"}


@dataclass(frozen=True)
class Picture:
    """An image file, the name that tells it from the others, and where its overlay goes."""

    path: Path
    name: str  # of the file; below the folder that all have in common where several have one name
    overlay: Path


def find_images(sources: Iterable[str]) -> list[Path]:
    """Image paths of `sources`: files, folders (not searched below) and globs, in the order given, each once.

    Of a folder, overlays of an earlier detection are passed over, and the log says how many entries were.
    FileNotFoundError for a source that is not there, ValueError for one without images.
    """
    paths: dict[str, Path] = {}  # absolute path -> as given
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found = _images_in(path)
        elif path.is_file():
            found = [path]
        else:
            found = sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file())
            if not found:
                raise FileNotFoundError(
                    f"SOURCE must be an image, a folder or a glob. Received: {source!r}, "
                    "which matches nothing"
                )
        for image in found:
            paths.setdefault(os.path.abspath(image), image)
    return list(paths.values())


def name_pictures(paths: Sequence[Path], output: Path) -> list[Picture]:
    """A Picture for each of `paths`, which differ, with an overlay of its own below folder `output`.

    ValueError, before anything is written, where that would overwrite a picture or any file that is not
    from an earlier detection.
    """
    names = _distinct([path.name for path in paths]) or _below_common_folder(paths)
    stems = [name.removesuffix(path.suffix) for name, path in zip(names, paths, strict=True)]
    folders = _folders(names)
    # Where two kinds of file have one name, all keep their suffixes, so that none meets another or a folder.
    is_free = _distinct(stems) and folders.isdisjoint(f"{stem}.png" for stem in stems)
    shown = stems if is_free else names
    pictures = [
        Picture(path, name, output / f"{stem}.png")
        for path, name, stem in zip(paths, names, shown, strict=True)
    ]
    _require_free(pictures, output, [output / folder for folder in folders])
    return pictures


def detect_files(
    detector: "Detector",
    pictures: Sequence[Picture],
    output: Path,
    score_threshold: float,
    top_k: int | None,
    progress: Progress | None = None,
) -> int:
    """Writes the overlay of each Picture and detections.json to `output`; returns the object count.

    A file that is no image is named in the log and left out; ValueError when none is one.
    """
    results, problems, shown = [], [], 0
    remarked: dict[str, list[str]] = {}  # what is not seen -> the pictures of which
    for number, picture in enumerate(pictures, 1):
        try:
            image, remarks = pixels_of(picture.path)
        except (ValueError, OSError) as error:
            problems.append(str(error))
            continue
        for remark in remarks:
            remarked.setdefault(remark, []).append(picture.name)
        found = detector(image).above(score_threshold, top_k)
        picture.overlay.parent.mkdir(parents=True, exist_ok=True)
        save_picture(found.draw(image), picture.overlay)
        results += [{**row, "file_name": picture.name} for row in found.to_coco(number)]
        shown += len(found)
        if progress:
            progress(number, len(pictures))
    if len(problems) == len(pictures):
        raise ValueError(problems[0])
    for problem in problems:
        logger.warning("left out: %s", problem)
    for remark, names in remarked.items():
        logger.warning("%d of %d images have %s: %s first", len(names), len(pictures), remark, names[0])
    write_text(output / "detections.json", json.dumps(results) + "\n")
    return shown


def _images_in(folder):
    """Files of `folder` that are images by their suffix and not overlays of ours, in order."""
    entries = sorted(folder.iterdir())
    is_image = [
        path.suffix.lower() in SUFFIXES and path.is_file() and not is_our_picture(path) for path in entries
    ]
    found = list(itertools.compress(entries, is_image))
    if not found:
        raise ValueError(
            f"SOURCE {str(folder)!r}: expected images ({' '.join(SUFFIXES[:6])} …) not drawn by yolact in "
            f"the folder. Received: {len(entries)} other entries"
        )
    if len(found) < len(entries):
        first, others = entries[is_image.index(False)].name, len(entries) - len(found)
        message = "%s: passed over %d entries that are no image files or drawn by yolact, %s first"
        logger.warning(message, folder, others, first)
    return found


def _distinct(names):
    return names if len(set(names)) == len(names) else None


def _below_common_folder(paths):
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute])
    return [path.relative_to(root).as_posix() for path in absolute]


def _folders(names):
    """The folders that names lie in, which have "/" between them."""
    return {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}


def _require_free(pictures, output, folders):
    """ValueError where `output` cannot be written, or holds what is not ours to overwrite.

    folders: below it, of overlays.
    """
    overlays = {picture.overlay for picture in pictures}
    for folder in folders:
        if folder in overlays or (folder.exists() and not folder.is_dir()):
            raise _foreign(folder, "a folder of overlays")
    sources = {os.path.realpath(picture.path) for picture in pictures}
    for overlay in (picture.overlay for picture in pictures):
        if os.path.realpath(overlay) in sources or (overlay.exists() and not is_our_picture(overlay)):
            raise _foreign(overlay, "an overlay")
    if (output / "detections.json").exists() and not _is_our_result(output / "detections.json"):
        raise _foreign(output / "detections.json", "the results")
    require_writable(output / "detections.json")


def _foreign(path, what):
    return ValueError(
        f"--output must be a folder where {what} can be written without overwriting a file that `yolact "
        f"detect` did not write. Received one with {str(path)!r}"
    )


def _is_our_result(path):
    """Whether a file is a list of rows as `detect_files` writes them."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(rows, list) and all(isinstance(row, dict) and row.keys() >= _ROW_KEYS for row in rows)
