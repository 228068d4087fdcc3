"""What the choice of a recipe asks of data: how much there is, of what size, and in which colours."""

import itertools
from dataclasses import dataclass

import numpy as np

from yolact_tf.data.inspect.anchor_fit import box_sides
from yolact_tf.data.split import Split

_MOST_IMAGES = 5000  # whose objects are counted, the first: more would say the same
_MOST_READ = 32  # images whose pixels are looked at
_SMALL = 0.2  # quantile of the objects' sides that tells how small objects are
# Mean distance between an image's brightest and darkest channel, 0..1. JPEGs of grey images have none;
# photographs in dull colours, such as of snow, have .04.
_GREY = 0.02


@dataclass(frozen=True, eq=False)
class DataLook:
    """What a training split looks like. Crowds are left out."""

    num_images: int
    num_classes: int
    boxes: np.ndarray  # [n, 4] corners in 0..1 of the image, of the first few thousand images
    most_objects: int  # in an image
    is_grey: bool  # most images have no colours

    @property
    def small_side(self) -> float:
        """The side that a fifth of the objects do not reach, as a share of the image's; 1 without objects."""
        return float(np.quantile(box_sides(self.boxes), _SMALL)) if len(self.boxes) else 1.0

    @property
    def summary(self) -> str:
        """The look in one line."""
        parts = [
            _count(self.num_images, "image", "images"),
            _count(self.num_classes, "class", "classes"),
            f"at most {_count(self.most_objects, 'object', 'objects')} an image",
        ]
        if len(self.boxes):
            parts.append(f"a fifth of all below {100 * self.small_side:.1f} % of the image's side")
        return ", ".join([*parts, "grey" if self.is_grey else "in colour"])


def look_at(data: Split) -> DataLook:
    """The DataLook of a training split. Images that cannot be read tell nothing of colours."""
    records = itertools.islice(data.records, _MOST_IMAGES)
    step = -(-min(data.num_images, _MOST_IMAGES) // _MOST_READ) or 1
    boxes, chroma = [np.zeros((0, 4), np.float32)], []
    for number, record in enumerate(records):
        boxes.append(record.boxes[~record.is_crowd])
        if number % step == 0:
            chroma += _chroma(record)
    return DataLook(
        num_images=data.num_images,
        num_classes=len(data.labels),
        boxes=np.concatenate(boxes),
        most_objects=max(map(len, boxes)),
        is_grey=bool(chroma) and float(np.median(chroma)) < _GREY,
    )


def _count(number, one, many):
    return f"{number} {one if number == 1 else many}"


def _chroma(record):
    """[mean distance between the brightest and the darkest channel in 0..1], empty where it is not read."""
    try:
        image = record.read_image()
    except (ValueError, OSError):
        return []
    return [float((image.max(-1) - image.min(-1)).mean()) / 255]
