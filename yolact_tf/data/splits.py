"""The annotation files of a data folder, read but not yet trusted: for the tools that look for faults."""

import itertools
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.data.coco import find_split, has_split, read_coco_json
from yolact_tf.data.problems import Problem

SPLITS = ("train", "val")


@dataclass(frozen=True)
class Split:
    """One annotation file and its images, read but not yet trusted."""

    name: str
    annotation_file: Path
    image_folder: Path
    content: dict  # COCO JSON
    images: tuple[dict, ...]  # the entries with an id, a file name and a size

    def path(self, image):
        """Path of the file of an image entry."""
        return self.image_folder / image["file_name"]

    def problem(self, kind, message, image=None, part=""):
        """A Problem of an image entry, or of the annotation file; `part` says in words of what in it."""
        place = f"{self.image_folder.name}/{image['file_name']}" if image else self.annotation_file.name
        return Problem(self.name, f"{place}: {part}" if part else place, kind, " ".join(message.split()))


def read_splits(folder):
    """The Splits train and val of a data folder, or the one that is there."""
    folder = Path(folder)
    names = [name for name in SPLITS if has_split(folder, name)]
    return [_read_split(folder, name) for name in names or SPLITS[:1]]


def image_paths(splits):
    """[path of an image file], each once."""
    return list(dict.fromkeys(split.path(image) for split in splits for image in split.images))


def steps_of(splits, progress):
    """A function that tells `progress` of one more step: there is one a file and one an annotation."""
    total = len(image_paths(splits)) + sum(len(split.content["annotations"]) for split in splits)
    steps = itertools.count(1)
    return lambda: progress(next(steps), total) if progress else None


def is_key(value, known):
    """Whether a value from JSON, of whatever type, is in the set or dict `known`."""
    return isinstance(value, (int, float, str)) and value in known


def entry_fault(image):
    """What keeps an entry of `images` from naming a file of some size, in one line, or None."""
    for key, lowest in (("id", 0), ("width", 1), ("height", 1)):
        if type(image[key]) is not int or image[key] < lowest:
            return f"expected a whole number from {lowest} as `{key}`. Received: {image[key]!r}"
    name = image["file_name"]
    return None if isinstance(name, str) and name else f"expected text as `file_name`. Received: {name!r}"


def _read_split(folder, name):
    annotation_file, image_folder = find_split(folder, name)
    content = read_coco_json(annotation_file)
    for category in content["categories"]:
        if type(category["id"]) is not int:
            raise ValueError(
                f"{annotation_file}: expected whole numbers as ids of `categories`. "
                f"Received: {category['id']!r}"
            )
    images = tuple(image for image in content["images"] if not entry_fault(image))
    return Split(name, annotation_file, image_folder, content, images)
