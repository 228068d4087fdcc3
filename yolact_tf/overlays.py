"""Files in, overlays and detections.json out."""

import glob
import json
import logging
from pathlib import Path

from PIL import Image

from yolact_tf.data.images import read_image
from yolact_tf.runs import atomic_path, write_text

logger = logging.getLogger(__name__)
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")


def find_images(sources):
    """Image paths of `sources`: files, folders (not searched below) and globs, in the order given.

    FileNotFoundError for a source that is not there, ValueError for one without images.
    """
    paths = []
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
            if not found:
                raise ValueError(
                    f"SOURCE {source!r}: expected images ({' '.join(SUFFIXES)}) in the "
                    f"folder. Received: {len(list(path.iterdir()))} other entries"
                )
        elif path.is_file():
            found = [path]
        else:
            found = sorted(Path(p) for p in glob.glob(source, recursive=True) if Path(p).is_file())
            if not found:
                raise FileNotFoundError(
                    f"SOURCE must be an image, a folder or a glob. Received: {source!r}, "
                    "which matches nothing"
                )
        paths += found
    return paths


def detect_files(detector, paths, output, score_threshold, top_k, progress=None):
    """Writes an overlay of each image and detections.json to `output`; returns the object count.

    A file that is no image is named in the log and left out; ValueError when none is one.
    """
    results, problems, shown = [], [], 0
    for number, path in enumerate(paths, 1):
        try:
            image = read_image(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        found = detector(image).above(score_threshold, top_k)
        output.mkdir(parents=True, exist_ok=True)
        save_picture(found.draw(image), _overlay_path(output, path, paths))
        results += [{**row, "file_name": path.name} for row in found.to_coco(number)]
        shown += len(found)
        if progress:
            progress(number, len(paths))
    if len(problems) == len(paths):
        raise ValueError(problems[0])
    for problem in problems:
        logger.warning("left out: %s", problem)
    write_text(output / "detections.json", json.dumps(results) + "\n")
    return shown


def _overlay_path(output, path, paths):
    """A PNG named after the image; images of one name in several folders keep their folder's name."""
    is_unique = sum(other.stem == path.stem for other in paths) == 1
    return output / f"{path.stem if is_unique else f'{path.parent.name}_{path.name}'}.png"


def save_picture(picture, path):
    """Writes [H, W, 3] uint8 RGB as the PNG or JPEG that `path` names, whole or not at all."""
    with atomic_path(path, suffix=Path(path).suffix) as temporary:
        Image.fromarray(picture).save(temporary, quality=90)
