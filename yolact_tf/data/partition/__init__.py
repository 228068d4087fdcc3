"""One split of a data folder to several, by class shares; images that belong together stay on one side."""

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np

from yolact_tf.data.coco.entries import group_annotations, image_key
from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.coco.layouts import find_split, list_splits
from yolact_tf.data.inspect.unchecked import read_splits, stepper
from yolact_tf.data.partition.alike import join_alike, look_at
from yolact_tf.data.partition.groups import Groups
from yolact_tf.data.partition.shares import share_out
from yolact_tf.data.partition.write import Part, images_of, write_parts
from yolact_tf.files import PathLike, require_apart
from yolact_tf.labels import distinct_names
from yolact_tf.structures import Progress

USUAL_SHARE = 0.2  # of validation, where there is none yet


@dataclass(frozen=True)
class Wishes:
    """How a training split is to be divided. A share of None leaves it to what is there, 0 makes no split."""

    val: float | None = None
    test: float | None = None
    seed: int = 0
    group_by: str | None = None  # a regular expression: what it finds in the name of an image is its group
    alike: float = 0.9  # cosine from which pictures stay together; copies cropped by a fiftieth are above it


@dataclass(frozen=True)
class Division:
    """What was written."""

    images: dict[str, int]  # by split
    objects: dict[str, dict[str, int]]  # split -> class name -> objects, crowds left out
    num_together: int  # images that stayed with others
    num_groups: int  # that these are of
    missing: tuple[str, ...]  # images without a file, which are left out


def divide(
    data: PathLike, out: PathLike, wishes: Wishes = Wishes(), progress: Progress | None = None
) -> Division:
    """Divides the training split of folder `data` into those of a new folder `out`, whole or not at all.

    Splits that are there besides come along as they are. Image files are hard links where the disk allows
    it.  progress: called as progress(done, total).  ValueError for shares that are none or may mean two
    things, and where too much belongs together.
    """
    data, out = require_apart(data, out)
    find_split(data, "train")  # its error says what is missing
    there = list_splits(data)
    shares = _shares(data, there, wishes)
    splits = read_splits(data, there)
    found = [images_of(split) for split in splits]
    train, images = splits[0], found[0][0]
    # Images to train on are looked at and compared, all are written.
    total = 2 * len(images) + sum(len(of_split) for of_split, _ in found)
    advance = stepper(total, progress)
    groups = _groups(train, images, wishes, advance)
    parts = _parts(train, images, groups, shares, wishes)
    parts += [Part(s.name, s, of_split) for s, (of_split, _) in zip(splits[1:], found[1:], strict=True)]
    write_parts(parts, out, advance)
    sizes = np.bincount(groups)
    return Division(
        {part.split: len(part.images) for part in parts},
        {part.split: _objects(part) for part in parts},
        int(sizes[sizes > 1].sum()),
        int((sizes > 1).sum()),
        tuple(name for _, missing in found for name in missing),
    )


def _shares(data, there, wishes):
    """split -> share of the images that are to train on; those that stay training come first."""
    asked = {"val": wishes.val, "test": wishes.test}
    for split, share in asked.items():
        if share is not None and not 0 <= share < 1:
            raise ValueError(f"--{split} must be a share from 0 to 1. Received: {share:g}")
        if share is not None and split in there:
            file = find_split(data, split)[0].relative_to(data)
            raise ValueError(
                f"{data} has a {split} split, {file}: train with it as it is, or move that file away to "
                f"divide the images of train anew; without --{split} it stays. Received: {share:g}"
            )
    if not 0 < wishes.alike <= 1:
        raise ValueError(f"--alike must be above 0, and at most 1. Received: {wishes.alike:g}")
    if wishes.val is None and "val" not in there:
        asked["val"] = USUAL_SHARE
    new = {split: share for split, share in asked.items() if share}
    if not new:
        raise ValueError(
            f"{data} has {' and '.join(there)}: train with it as it is. Expected a share for a split that is "
            "not there yet, such as --test 0.1. Received none"
        )
    if sum(new.values()) >= 1:
        raise ValueError(f"--val and --test must sum to less than 1. Received: {sum(new.values()):g}")
    return {"train": 1 - sum(new.values()), **new}


def _groups(train, images, wishes, advance):
    """[images] int, the same for images that belong together: 0, 1, …"""
    if not images:
        raise ValueError(f"{train.annotation_file}: expected images in {train.image_folder}. Received none")
    names = [image["file_name"] for image in images]
    groups = Groups(len(images))
    groups.join_equal(names)
    groups.join_equal(image_key(image["id"]) for image in images)
    if wishes.group_by is not None:
        groups.join_equal(_found_in(names, wishes.group_by))
    looks = look_at([train.image_folder / name for name in names], advance)
    join_alike(groups, looks, wishes.alike, advance)
    return np.unique(groups.labels(), return_inverse=True)[1]


def _found_in(names, pattern):
    """What a regular expression finds in each name: its first group, else all; None where that is nothing."""
    try:
        matches = [re.search(pattern, name) for name in names]
    except re.error as error:
        raise ValueError(f"--group-by must be a regular expression. Received: {pattern!r}: {error}") from None
    found = [(match and (match[1] if match.re.groups else match[0])) or None for match in matches]
    if not any(found):
        raise ValueError(f"--group-by must match in names such as {names[0]!r}. Received: {pattern!r}")
    return found


def _parts(train, images, groups, shares, wishes):
    """[Part] of each of `shares`."""
    by_image = group_annotations(train.content, train.labels, train.annotation_file)
    ranks = {category_id: number for number, category_id in enumerate(train.labels, 1)}
    counts = np.zeros((groups.max() + 1, 1 + len(ranks)), int)
    for image, group in zip(images, groups, strict=True):
        counts[group, 0] += 1
        for category_id in _classes(by_image[image_key(image["id"])]):
            counts[group, ranks[category_id]] += 1
    if len(counts) < len(shares):
        raise ValueError(
            f"{train.annotation_file}: expected images that may be parted, {len(shares)} at least. Received: "
            f"{len(images)} in {len(counts)} of groups or of pictures that look alike (see --alike)"
        )
    numbers = share_out(counts, np.array([*shares.values()]), wishes.seed)[groups]
    parted = {split: [] for split in shares}
    for image, number in zip(images, numbers, strict=True):
        parted[[*shares][number]].append(image)
    return [Part(split, train, of_split) for split, of_split in parted.items()]


def _classes(annotations):
    return [whole_number(a["category_id"]) for a in annotations if not whole_number(a.get("iscrowd") or 0)]


def _objects(part):
    """Class name -> objects of a Part."""
    counts = Counter(_classes(part.annotations))
    names = distinct_names(part.origin.labels)
    return {name: counts[key] for key, name in zip(part.origin.labels, names, strict=True)}
