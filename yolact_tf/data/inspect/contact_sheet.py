"""Augmented training examples as the model sees them, on one picture."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from yolact_tf.config import Config
from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.split import Split
from yolact_tf.draw.instances import draw_truth, in_rows
from yolact_tf.files import PathLike
from yolact_tf.mask_windows import upsample_to_image
from yolact_tf.preprocess import as_rgb
from yolact_tf.structures import Tensor

if TYPE_CHECKING:
    import tensorflow as tf


def contact_sheet(config: Config, data: PathLike | Split, count: int = 8, seed: int = 0) -> np.ndarray:
    """[H, W, 3] uint8 picture of `count` training examples with masks, boxes and class names.

    data: a data folder, or what `load_data` made of one.  Masks are those of the prototype map, enlarged.
    Equal seeds give equal pictures; where there are fewer images than `count`, each comes again in another
    view.
    """
    if count < 1:
        raise ValueError(f"`count` must be at least 1. Received: {count!r}")
    data = load_data(data, "train", config.data)
    images, truth = next(iter(training_views(config, data, count, seed)))
    return draw_batch(images, truth, data.labels)


def training_views(config: Config, data: PathLike | Split, count: int, seed: int = 0) -> "tf.data.Dataset":
    """A dataset of one batch of `count` training examples, other ones each time it is iterated."""
    # A cache would first read the whole data set; and of a few images the share that is lost tells little.
    # Nor is so short a training one that has an end.
    settings = replace(config.data, cache="none", on_error="skip", max_unreadable=1.0, unmixed_end=0.0)
    training = replace(config.train, batch_size=count, images_per_epoch=count, seed=seed)
    return build_dataset(replace(config, data=settings, train=training), data, "train")


def draw_batch(images: Tensor, truth: Mapping[str, Tensor], labels: Mapping[int, str]) -> np.ndarray:
    """[H, W, 3] uint8 picture of a batch: images [B, S, S, 3 or 1] in 0..255 and their GroundTruth.

    labels: category id -> name; class c is the c-th.
    """
    examples = [{name: np.asarray(values[b]) for name, values in truth.items()} for b in range(len(images))]
    pictures = [draw_example(np.asarray(i), e, labels) for i, e in zip(images, examples, strict=True)]
    count = len(pictures)
    # Rows of three or four, whichever leaves fewer places white.
    columns = count if count <= 4 else min((4, 3), key=lambda columns: -count % columns)
    return in_rows(pictures, columns)


def draw_example(image: np.ndarray, truth: Mapping[str, np.ndarray], labels: Mapping[int, str]) -> np.ndarray:
    """[S, S, 3] uint8 picture of an image, [S, S, 3 or 1] in 0..255, and its GroundTruth without batch axis.

    labels: as `draw_batch` has them.
    """
    count, size = int(truth["num_objects"]), image.shape[0]
    boxes = truth["boxes"][:count]
    windows = [upsample_to_image(m, box, (size, size)) for m, box in zip(truth["masks"], boxes)]
    picture = np.array(as_rgb(image)).clip(0, 255).astype(np.uint8)
    classes, is_crowd = (truth[name][:count] for name in ("classes", "is_crowd"))
    return draw_truth(picture, boxes * size, windows, classes, is_crowd, labels)
