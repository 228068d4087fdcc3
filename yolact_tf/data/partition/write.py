"""Parts of data sets as the splits of a new folder: SPLIT.json beside images/."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.data.coco.entries import image_key, is_file_name
from yolact_tf.data.convert.image_files import checked_name
from yolact_tf.data.inspect.unchecked import UncheckedSplit
from yolact_tf.files import link_or_copy, new_folder


@dataclass(frozen=True, eq=False)
class Part:
    """Images of a split of an old folder that are a split of the new one."""

    split: str
    origin: UncheckedSplit
    images: list[dict]  # entries of the origin's content, whose files are there

    @property
    def annotations(self) -> list[dict]:
        """The annotations of its images, in the order of the origin."""
        keys = {image_key(image["id"]) for image in self.images}
        return [a for a in self.origin.content["annotations"] if image_key(a["image_id"]) in keys]


def images_of(origin: UncheckedSplit) -> tuple[list[dict], list[str]]:
    """(entries of images with an id and a file, what others are called) of a split.

    ValueError for a name that leads out of the image folder.
    """
    images, missing = [], []
    for image in origin.content["images"]:
        if image_key(image["id"]) is None or not is_file_name(image["file_name"]):
            missing.append(f"{origin.annotation_file}: image {image['id']!r}")
            continue
        path = origin.image_folder / checked_name(image["file_name"], origin.annotation_file)
        if os.path.isfile(path):
            images.append(image)
        else:
            missing.append(str(path))
    return images, missing


def write_parts(parts: Sequence[Part], out: Path, advance: Callable[[], None]) -> None:
    """Writes a new folder `out`, whole or not at all; what entries say stays, but for names that clash.

    advance: called after each image.
    """
    clash = _do_names_clash(parts)
    with new_folder(out) as made:
        for part in parts:
            images = []
            for image in part.images:
                name = checked_name(image["file_name"], part.origin.annotation_file)
                name = f"{part.split}/{name}" if clash else name
                _link(part.origin.image_folder / image["file_name"], made / "images" / name)
                images.append({**image, "file_name": name})
                advance()
            content = {**part.origin.content, "images": images, "annotations": part.annotations}
            (made / f"{part.split}.json").write_text(json.dumps(content), encoding="utf-8")


def _do_names_clash(parts):
    """Whether images of one name are of several folders, so that each split needs its own."""
    folders = {}
    names = ((i["file_name"], part.origin.image_folder) for part in parts for i in part.images)
    return any(folders.setdefault(name, folder) != folder for name, folder in names)


def _link(source, path):
    if not path.exists():  # else an entry of the same file made it
        path.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(source, path)
