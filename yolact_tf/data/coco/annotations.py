"""The content of a COCO instances file, of which only what is needed is held in memory.

Annotations are by far the most of it. One in COCO's own form is decoded anew whenever it is asked for; what
is to be put into that form first is kept.
"""

import json
import os
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.data.coco.entries import (
    REQUIRED,
    image_key,
    missing_field,
    read_coco_json,
    reference_faults,
)
from yolact_tf.data.json_pieces import CHUNK, exhaust, members
from yolact_tf.data.long_work import told
from yolact_tf.files import PathLike

_OF_IMAGE = ("id", "file_name", "width", "height")


class Annotations(Sequence[dict[str, Any]]):
    """The annotations of a file. Those in `kept` may be changed in place, others come anew each time."""

    def __init__(self, file: FileIO | None = None, kept: Sequence[dict[str, Any]] = ()) -> None:
        self.kept = dict(enumerate(kept))  # number -> annotation, in the order of the file
        self._file: Any = file
        nothing = [0] * len(self.kept)
        self._begins, self._ends = array("q", nothing), array("q", nothing)
        self._image_ids, self._category_ids = array("q", nothing), array("q", nothing)

    def add(self, annotation: dict[str, Any], begin: int, end: int, is_plain: bool) -> None:
        """Adds what is at bytes begin .. end of the file."""
        if not is_plain:
            self.kept[len(self)] = annotation
        self._begins.append(begin)
        self._ends.append(end)
        self._image_ids.append(annotation["image_id"] if is_plain else 0)
        self._category_ids.append(annotation["category_id"] if is_plain else 0)

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, number: Any) -> Any:
        if number in self.kept:
            return self.kept[number]
        self._file.seek(self._begins[number])
        return json.loads(self._file.read(self._ends[number] - self._begins[number]))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[number] for number in range(len(self)))

    def keep(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Those of some numbers, from now on to be changed in place."""
        self.kept.update((number, self[number]) for number in numbers)
        self.kept = dict(sorted(self.kept.items()))
        return [self.kept[number] for number in numbers]

    def images(self, keys: Collection[int | str | None]) -> np.ndarray:
        """[annotations] which of distinct `keys` the image of each has, -1 where it has none."""
        places = _places(self._image_ids, {key: n for n, key in enumerate(keys) if isinstance(key, int)})
        place_of = {key: place for place, key in enumerate(keys)}
        for number, annotation in self.kept.items():
            key = image_key(annotation["image_id"])
            places[number] = -1 if key is None else place_of.get(key, -1)
        return places

    def by_image(
        self, keys: Collection[int | str | None], labels: Collection[int], path: PathLike
    ) -> dict[int | str | None, np.ndarray]:
        """The key of an image -> numbers of its annotations. ValueError where its image or category is not
        there."""
        places = self.images(keys)
        is_known = (places >= 0) & (_places(self._category_ids, dict.fromkeys(labels, 0)) >= 0)
        is_known[list(self.kept)] = False
        for number in np.flatnonzero(~is_known).tolist():
            annotation = self[number]
            for fault in reference_faults(annotation, keys, labels):
                raise ValueError(f"{path}: annotation {annotation.get('id', '(no id)')}: {fault}")
        order = np.argsort(places, kind="stable")
        bounds = np.searchsorted(places[order], np.arange(len(keys) + 1)).tolist()
        return {key: order[bounds[n] : bounds[n + 1]] for n, key in enumerate(keys)}


def _places(ids, place_of):
    """[n] what `place_of` has for each of int64 `ids`, -1 where it has nothing."""
    if not place_of:
        return np.full(len(ids), -1)
    known, places = np.array(list(place_of), np.int64), np.array(list(place_of.values()))
    order = np.argsort(known)
    ids = np.asarray(ids)
    found = order[np.searchsorted(known, ids, sorter=order).clip(max=len(known) - 1)]
    return np.where(known[found] == ids, places[found], -1)


def read_content(file: FileIO, path: Path, is_plain: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """The `images`, `annotations` and `categories` of a COCO instances file, opened as long as they are used.

    Of images only what says which they are, and how large.  is_plain: whether an annotation that has its
    fields is in COCO's own form.  ValueError as of `read_coco_json`.
    """
    try:
        return _in_pieces(file, path, is_plain)
    except (ValueError, RecursionError):
        # In another encoding; or the whole has the better words for what is wrong.
        content = read_coco_json(path)
        return {**content, "annotations": Annotations(kept=content["annotations"])}


def _in_pieces(file, path, is_plain):
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    chunks = told(iter(lambda: file.read(CHUNK), b""), -(-size // CHUNK), path, "MB read")
    content: dict[str, Any] = {}
    for key, value in members(chunks):
        if key not in REQUIRED:
            exhaust(value)
            continue
        content[key] = Annotations(file) if key == "annotations" else []
        for entry, begin, end in value if isinstance(value, Iterator) else [(None, 0, 0)]:
            if missing_field(key, entry):
                raise ValueError(f"a strange list {key!r}")
            if key == "annotations":
                content[key].add(entry, begin, end, is_plain(entry))
            else:
                content[key].append(_slim(entry) if key == "images" else entry)
    if content.keys() != REQUIRED.keys():
        raise ValueError(f"no lists but {list(content)}")
    return content


def _slim(image):
    return {field: image[field] for field in _OF_IMAGE if field in image}
