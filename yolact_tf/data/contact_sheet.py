"""Augmented training examples as the model sees them, on one picture."""

from dataclasses import replace

import numpy as np

from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.masks import upsample_to_image
from yolact_tf.visualise import draw_instances, side_by_side

_GAP = 6  # white pixels between rows, as `side_by_side` leaves between columns


def contact_sheet(config, data, count=8, seed=0):
    """[H, W, 3] uint8 picture of `count` training examples with masks, boxes and class names.

    data: a data folder, or what `load_data` made of one.  Masks are those of the prototype map, enlarged.
    Equal seeds give equal pictures; where there are fewer images than `count`, each comes again in another
    view.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: {count!r}")
    data = load_data(data, "train", config.data.on_error)
    settings = replace(config.data, cache="none")  # a cache would first read the whole data set
    training = replace(config.train, batch_size=count, images_per_epoch=count, seed=seed)
    images, truth = next(iter(build_dataset(replace(config, data=settings, train=training), data, "train")))
    examples = [{name: values[b].numpy() for name, values in truth.items()} for b in range(count)]
    names = list(data.labels.values())
    pictures = [draw_example(i.numpy(), e, names) for i, e in zip(images, examples, strict=True)]
    return _in_rows(pictures)


def draw_example(image, truth, names):
    """[S, S, 3] uint8 picture of an image, [S, S, 3] in 0..255, and its GroundTruth without batch axis."""
    count, size = int(truth["num_objects"]), image.shape[0]
    boxes = truth["boxes"][:count]
    windows = [upsample_to_image(m, box, (size, size)) for m, box in zip(truth["masks"], boxes)]
    captions = [
        f"{names[c]} (crowd)" if is_crowd else names[c]
        for c, is_crowd in zip(truth["classes"][:count], truth["is_crowd"])
    ]
    return draw_instances(image.clip(0, 255).astype(np.uint8), boxes * size, captions, windows)


def _in_rows(pictures):
    """Pictures of one size in rows of three or four, whichever leaves fewer places white."""
    count = len(pictures)
    columns = count if count <= 4 else min((4, 3), key=lambda columns: -count % columns)
    rows = [side_by_side(pictures[i : i + columns]) for i in range(0, count, columns)]
    height, width = rows[0].shape[:2]
    sheet = np.full((len(rows) * (height + _GAP) - _GAP, width, 3), 255, np.uint8)
    for number, row in enumerate(rows):
        top = number * (height + _GAP)
        sheet[top : top + height, : row.shape[1]] = row
    return sheet
