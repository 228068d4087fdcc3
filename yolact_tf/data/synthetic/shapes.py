"""Draws a synthetic COCO data set of textured shapes: six classes told apart by outline alone.

This file writes the folder; `scenes` arranges the objects, `paint` gives them colour.
"""

import json
import os
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from yolact_tf.data.synthetic.paint import paint
from yolact_tf.data.synthetic.scenes import MIN_SIDE, SHAPE_CLASSES, arrange
from yolact_tf.files import PathLike, new_folder
from yolact_tf.structures import Progress

SPLITS = ("train", "val")
MAX_IMAGES = 100_000  # five digits in a file name, and the distance between the image ids of two splits
MAX_OBJECTS = 100  # COCO scores at most 100 detections an image; also the distance between annotation ids
MIN_IMAGE_SIDE = 48  # half of it still holds a 16 px shape of every class at every angle
JPEG_QUALITY = 92


class Options(NamedTuple):
    """What an image depends on, beside its split and its number."""

    height: int
    width: int
    min_objects: int
    max_objects: int
    seed: int


def make_shapes(
    directory: PathLike,
    *,
    train_images: int = 400,
    val_images: int = 60,
    image_size: int | tuple[int, int] | list[int] = 256,
    min_objects: int = 1,
    max_objects: int = 12,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Writes `train.json`, `val.json` and `images/*.jpg` into a new folder, whole or not at all.

    image_size: pixels, a side or (height, width).  progress: called as progress(images done, images in all).
    Image i of a split is the same however many are made.  Returns the folder as a Path.
    """
    counts = {"train_images": train_images, "val_images": val_images}
    for name, value in counts.items():
        check_integer(name, value, 0, MAX_IMAGES)
    if train_images + val_images == 0:
        raise ValueError(f"`train_images` and `val_images` must not both be 0. Received: {counts}")
    options = _checked_options(image_size, min_objects, max_objects, seed)
    directory = checked_directory(directory)
    with new_folder(directory) as made:
        (made / "images").mkdir()
        done = 0
        for split, count in zip(SPLITS, counts.values()):
            for _ in _write_split(made, split, count, options):
                done += 1
                if progress:
                    progress(done, train_images + val_images)
    return directory


def draw_scene(rng: np.random.Generator, options: Options) -> tuple[np.ndarray, list[int], np.ndarray]:
    """Draws one image.

    Returns the image [H, W, 3] uint8, the class index of each object from back to front [G], and owner
    [H, W]: 0 where background is visible, k + 1 where object k is.
    """
    for _ in range(20):  # a crowd that does not fit is arranged anew
        stamps, owner = arrange(rng, *options[:4])
        if len(stamps) >= options.min_objects:
            return paint(rng, stamps, owner.shape), [stamp.class_index for stamp in stamps], owner
    raise ValueError(
        f"`min_objects` must be a number of objects of {MIN_SIDE} px or more that fit into an image of "
        f"{options.height}x{options.width} px. Received: {options.min_objects}"
    )


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """ValueError unless `value` is a whole number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        raise ValueError(f"`{name}` must be an integer from {low} to {high}. Received: {value!r}")


def _checked_options(image_size, min_objects, max_objects, seed):
    height_width = image_size if isinstance(image_size, (tuple, list)) else (image_size, image_size)
    if len(height_width) != 2:
        raise ValueError(f"`image_size` must be a side or (height, width). Received: {image_size!r}")
    for side in height_width:
        check_integer("image_size", side, MIN_IMAGE_SIDE, 4096)
    check_integer("min_objects", min_objects, 0, MAX_OBJECTS)
    check_integer("max_objects", max_objects, max(1, min_objects), MAX_OBJECTS)
    check_integer("seed", seed, 0, 2**63 - 1)
    return Options(*map(int, (*height_width, min_objects, max_objects, seed)))


def checked_directory(directory: PathLike) -> Path:
    """The absolute path of a folder that is to be filled. ValueError where it holds something already."""
    directory = Path(directory).resolve()
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        found = "which is not empty" if directory.is_dir() else "which is a file"
        raise ValueError(
            f"`directory` must be a new or an empty folder. Received: {str(directory)!r}, {found}"
        )
    if directory == Path.cwd() or os.path.ismount(directory):  # neither can be replaced by a rename
        raise ValueError(
            "`directory` must not be the current folder or a mount point: name a folder inside it. "
            f"Received: {str(directory)!r}"
        )
    return directory


def _write_split(made, split, count, options):
    """Writes one split's images, then its JSON; yields after each image."""
    images, annotations = [], []
    for index in range(count):
        rng = np.random.default_rng([options.seed, SPLITS.index(split), index, *options[:4]])
        image, classes, owner = draw_scene(rng, options)
        record = {
            "id": SPLITS.index(split) * MAX_IMAGES + index + 1,
            "file_name": f"{split}_{index:05d}.jpg",
            "height": options.height,
            "width": options.width,
            "license": 1,
        }
        Image.fromarray(image).save(made / "images" / record["file_name"], quality=JPEG_QUALITY)
        images.append(record)
        annotations += annotations_of(record["id"], classes, owner)
        yield
    (made / f"{split}.json").write_text(
        json.dumps(coco_of(f"Synthetic shapes, {split}", options.seed, images, annotations))
    )


def coco_of(
    description: str, seed: int, images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> dict[str, Any]:
    """COCO instances of drawn images with the shape classes as categories."""
    return {
        "info": {"description": description, "version": "1.0", "seed": seed},
        "licenses": [
            {"id": 1, "name": "CC0 1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}
        ],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": i, "name": name, "supercategory": "shape"} for i, name in enumerate(SHAPE_CLASSES, 1)
        ],
    }


def annotations_of(image_id: int, classes: list[int], owner: np.ndarray) -> list[dict[str, Any]]:
    """COCO annotations of the visible pixels; class index 0 becomes category id 1, boxes are xywh.

    classes, owner: as `draw_scene` has them.
    """
    if not classes:
        return []
    masks = owner[..., None] == np.arange(1, len(classes) + 1)  # [H, W, G]
    rles = coco_mask.encode(np.asfortranarray(masks, np.uint8))
    return [
        {
            "id": image_id * MAX_OBJECTS + k,
            "image_id": image_id,
            "category_id": class_index + 1,
            "iscrowd": 0,
            "area": int(coco_mask.area(rle)),
            "bbox": coco_mask.toBbox(rle).tolist(),
            "segmentation": {"size": list(owner.shape), "counts": rle["counts"].decode("ascii")},
        }
        for k, (class_index, rle) in enumerate(zip(classes, rles))
    ]
