"""The annotation files of a data folder, read but not yet trusted: for the tools that look for faults."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.data.coco.entries import ImageEntry, is_file_name, labels_of, parse_image
from yolact_tf.data.coco.layouts import find_split, has_split
from yolact_tf.data.coco.plain_form import read_annotations
from yolact_tf.data.coco.problems import Malformed, Problem
from yolact_tf.data.tally import Tally
from yolact_tf.files import PathLike
from yolact_tf.structures import Progress

SPLITS = ("train", "val")


@dataclass(frozen=True)
class UncheckedSplit:
    """One annotation file and its images, read but not yet trusted."""

    name: str
    annotation_file: Path
    image_folder: Path
    content: dict  # COCO JSON in plain form
    accents: Tally  # kind of problem -> what was not in plain form
    labels: dict[int, str]  # category id -> name, ids in rising order
    images: tuple[ImageEntry, ...]  # the entries with an id, a file name and a size

    def path(self, image: ImageEntry) -> Path:
        """Path of the file of an ImageEntry."""
        return self.image_folder / image.file_name

    def problem(
        self, kind: str, message: str, image: ImageEntry | None = None, part: str = "", count: int = 1
    ) -> Problem:
        """A Problem of an ImageEntry, or of the annotation file; `part` says in words of what in it."""
        place = f"{self.image_folder.name}/{image.file_name}" if image else self.annotation_file.name
        where = f"{place}: {part}" if part else place
        return Problem(self.name, where, kind, " ".join(message.split()), count)


def read_splits(folder: PathLike, names: Sequence[str] = SPLITS) -> list[UncheckedSplit]:
    """Those of the splits `names` that are there; FileNotFoundError where none is."""
    folder = Path(folder)
    found = [name for name in names if has_split(folder, name)]
    return [_read_split(folder, name) for name in found or names[:1]]


def image_paths(splits: Iterable[UncheckedSplit]) -> list[Path]:
    """[path of an image file], each once; of entries without a usable size, too."""
    names = ((s, image["file_name"]) for s in splits for image in s.content["images"])
    return list(dict.fromkeys(s.image_folder / name for s, name in names if is_file_name(name)))


def steps_of(splits: Sequence[UncheckedSplit], progress: Progress | None) -> Callable[[], None]:
    """As `stepper` has it, of one step a file and one an annotation."""
    total = len(image_paths(splits)) + sum(len(split.content["annotations"]) for split in splits)
    return stepper(total, progress)


def stepper(total: int, progress: Progress | None) -> Callable[[], None]:
    """A function that tells `progress` of one more of `total` steps."""
    steps = itertools.count(1)
    return lambda: progress(next(steps), total) if progress else None


def _read_split(folder, name):
    annotation_file, image_folder = find_split(folder, name)
    content, accents = read_annotations(annotation_file, image_folder)
    images = []
    for image in content["images"]:
        with contextlib.suppress(Malformed):
            images.append(parse_image(image))
    labels = labels_of(content, annotation_file)
    return UncheckedSplit(name, annotation_file, image_folder, content, accents, labels, tuple(images))
