"""Boxes without a mask in a data set that is converted: what becomes of them, counted."""

from dataclasses import replace

from yolact_tf.config import BOXLESS
from yolact_tf.data.convert.data_set import DataSet

_BECOME = dict(zip(BOXLESS, ("now filled rectangles", "now crowd regions", "left out"), strict=True))


def with_boxes_as(data_set: DataSet, boxes_as: str) -> DataSet:
    """The DataSet in which boxes without a mask are `boxes_as`, one of BOXLESS; its losses count them."""
    if boxes_as not in BOXLESS:
        raise ValueError(f"--boxes-as must be one of {', '.join(BOXLESS)}. Received: {boxes_as!r}")
    splits = {}
    for split, pictures in data_set.splits.items():
        for picture in pictures:
            count = sum(instance.is_box for instance in picture.instances)
            kind = f"boxes without a mask, {_BECOME[boxes_as]}"
            data_set.losses.add(kind, f"{split}/{picture.name}", count)
        splits[split] = tuple(replace(p, instances=_decided(p.instances, boxes_as)) for p in pictures)
    return replace(data_set, splits=splits)


def _decided(instances, boxes_as):
    if boxes_as == "drop":
        return tuple(instance for instance in instances if not instance.is_box)
    is_crowd = boxes_as == "crowd"
    return tuple(replace(i, is_crowd=i.is_crowd or (is_crowd and i.is_box)) for i in instances)
