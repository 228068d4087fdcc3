"""Which images a job looks at and how, what they are called, and the groups that are worked on."""

import itertools
import json
import os
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple, Self

from yolact_tf.batch import storage

_LIST = ".txt"
_GROUPS, _LARGEST_GROUP = 256, 32  # that many groups, as long as they have no more images


class JobImage(NamedTuple):
    """One image of a job."""

    image_id: int  # from 1, in the order of all
    address: str
    name: str  # what tells it from the others

    @property
    def overlay(self) -> str:
        """What the picture of it is called."""
        return f"{self.name}.png"


class Look(NamedTuple):
    """How images are looked at."""

    score_threshold: float  # what scores more is written
    batch: int = 1  # images that are detected at once
    has_overlays: bool = False


class Group(NamedTuple):
    """Neighbours that one process looks at."""

    number: int  # from 0, in the order of the images
    images: tuple[JobImage, ...]

    def to_line(self) -> str:
        """As a line of JSON."""
        return json.dumps([self.number, self.images])

    @classmethod
    def of_line(cls, line: str) -> Self:
        """What `to_line` wrote."""
        number, images = json.loads(line)
        return cls(number, tuple(JobImage(*image) for image in images))


def find_images(place: str) -> list[str]:
    """Addresses of the images that `place` names, in order, each once.

    place: an image; a folder, not searched below, or a glob, of which files count that are images by their
    ending; or a .txt with an address a line, relative ones to its folder. All may be URLs that Beam opens.
    FileNotFoundError where there is nothing, ValueError where there are no images, or no such URLs.
    """
    from yolact_tf.images.inspection import SUFFIXES  # which imports TensorFlow

    if not place:  # as of a variable that is not set: not the current folder
        raise ValueError("IMAGES must name images. Received: ''")
    place = storage.absolute(place)
    if place.lower().endswith(_LIST) and storage.exists(place):
        return _listed(place)
    files = _files(place)
    found = [file for file in files if PurePosixPath(file).suffix.lower() in SUFFIXES]
    if not found:
        raise ValueError(
            f"IMAGES must name image files ({' '.join(SUFFIXES[:6])} …). Received: {place!r}, with "
            f"{len(files)} other files"
        )
    return found


def in_groups(addresses: Sequence[str]) -> list[Group]:
    """The images as Groups."""
    images = [JobImage(i, a, n) for i, (a, n) in enumerate(zip(addresses, _names(addresses)), 1)]
    size = min(_LARGEST_GROUP, -(-len(images) // _GROUPS))
    starts = range(0, len(images), size)
    return [Group(number, tuple(images[at : at + size])) for number, at in enumerate(starts)]


def _files(place):
    if not storage.is_remote(place):
        if os.path.isfile(place):
            return [place]
        if os.path.isdir(place):
            return sorted(storage.join(place, entry.name) for entry in os.scandir(place) if entry.is_file())
    found = storage.matches(place)
    if not found and storage.is_remote(place):  # of object stores only what lies in a folder tells of it
        found = storage.matches(storage.join(place, "*"))
    if not found:
        raise FileNotFoundError(
            "IMAGES must be an image, a folder, a glob, or a .txt with an address a line. "
            f"Received: {place!r}, which matches nothing"
        )
    return found


def _listed(place):
    try:
        lines = storage.read(place).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{place}: expected a text file with an address a line. Received: bytes") from None
    folder = storage.folder_of(place)
    found = [
        line if storage.is_remote(line) or os.path.isabs(line) else storage.join(folder, line)
        for line in map(str.strip, lines)
        if line
    ]
    if not found:
        raise ValueError(f"{place}: expected an address of an image a line. Received: none")
    return list(dict.fromkeys(found))


def _names(addresses):
    """Names of files, as they are or, where two have one, below the folder that all have in common."""
    parts = [address.split("/") for address in addresses]
    if len({part[-1] for part in parts}) == len(parts):
        return [part[-1] for part in parts]
    folders = zip(*(part[:-1] for part in parts))
    shared = sum(1 for _ in itertools.takewhile(lambda level: len(set(level)) == 1, folders))
    return ["/".join(part[shared:]) for part in parts]
