"""Boxes without a mask in a data set that is converted: what becomes of them, counted."""

from dataclasses import replace

from yolact_tf.config import BOXLESS
from yolact_tf.data.convert.data_set import DataSet, Instance


def with_boxes_as(data_set: DataSet, boxes_as: str) -> DataSet:
    """The DataSet in which boxes without a mask are `boxes_as`, one of BOXLESS; its losses count them."""
    if boxes_as not in BOXLESS:
        raise ValueError(f"--boxes-as must be one of {', '.join(BOXLESS)}. Received: {boxes_as!r}")
    kind, decide = _DECISIONS[boxes_as]
    splits = {}
    for split, pictures in data_set.splits.items():
        for picture in pictures:
            count = sum(instance.is_box for instance in picture.instances)
            data_set.losses.add(f"boxes without a mask, {kind}", f"{split}/{picture.name}", count)
        splits[split] = tuple(replace(p, instances=_decided(p.instances, decide)) for p in pictures)
    return replace(data_set, splits=splits)


def _decided(instances, decide):
    decided = (decide(instance) if instance.is_box else instance for instance in instances)
    return tuple(instance for instance in decided if instance)


def _as_crowd(box: Instance) -> Instance:
    return replace(box, is_crowd=True)


_DECISIONS = dict(
    zip(
        BOXLESS,
        (
            ("now filled rectangles", lambda box: box),
            ("now crowd regions", _as_crowd),
            ("left out", lambda box: None),
        ),
        strict=True,
    )
)
