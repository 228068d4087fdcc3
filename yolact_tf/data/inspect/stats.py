"""What a data set holds, as the network will see it: classes, sizes, shapes, crowding, anchor recall."""

import itertools
from dataclasses import dataclass

import numpy as np

from yolact_tf.config import Config
from yolact_tf.data.inspect.anchor_fit import AnchorFit, better_fit, bins_of, box_sides, fit_of
from yolact_tf.data.load import load_data
from yolact_tf.data.split import Split
from yolact_tf.files import PathLike
from yolact_tf.labels import distinct_names


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of one split. Pixels are those of the network's input, to which images are stretched.

    Augmentation changes sizes and shapes further; crowds are counted, and left out of everything else.
    """

    image_size: int  # side of the input in pixels
    num_images: int
    num_crowds: int
    class_counts: dict[str, int]  # class name -> objects, in the model's order
    objects_per_image: np.ndarray  # [images] int64
    sides: np.ndarray  # [objects] geometric mean of a box's width and height, pixels
    aspects: np.ndarray  # [objects] width / height of a box
    size_shares: dict[str, float]  # small, medium, large: share of the objects in 0..1; -1 without any
    anchors: AnchorFit  # of the recipe
    better_anchors: AnchorFit  # other sizes that find more objects; `anchors` where there are none

    @property
    def num_objects(self) -> int:
        """Objects in all, crowds left out."""
        return len(self.sides)


def statistics(
    data: PathLike | Split, config: Config, split: str = "train", most: int | None = None
) -> Statistics:
    """The Statistics of a split under a Config.

    data: a data folder, or what `load_data` made of one.  most: how many images are counted, the first;
    None counts all.
    """
    data = load_data(data, split, config.data)
    size = config.data.image_size
    records = itertools.islice(data.records, most)
    objects = [(r.boxes[~r.is_crowd], r.classes[~r.is_crowd], r.is_crowd.sum()) for r in records]
    boxes = np.concatenate([of_image for of_image, _, _ in objects])
    classes = np.concatenate([of_image for _, of_image, _ in objects])
    counts = np.bincount(classes, minlength=len(data.labels)).tolist()
    widths, heights = (boxes[:, 2:] - boxes[:, :2]).T
    sides = box_sides(boxes) * size
    return Statistics(
        image_size=size,
        num_images=len(objects),
        num_crowds=int(sum(count for _, _, count in objects)),
        class_counts=dict(zip(distinct_names(data.labels), counts, strict=True)),
        objects_per_image=np.array([len(of_image) for of_image, _, _ in objects]),
        sides=sides,
        aspects=widths / heights,
        size_shares={
            name: float(inside.mean()) if len(boxes) else -1.0 for name, inside in bins_of(sides).items()
        },
        anchors=fit_of(boxes, size, config.anchors),
        better_anchors=better_fit(boxes, size, config.anchors),
    )
