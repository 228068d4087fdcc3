"""A split of TFRecord shards: what it holds, and its images one after another."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from yolact_tf.data.coco.entries import image_key
from yolact_tf.data.record import Record, runs_between, xywh_of
from yolact_tf.data.shards.files import naming_damage
from yolact_tf.data.shards.source import ShardSource
from yolact_tf.data.shards.tf_example import read_details
from yolact_tf.images.decoding import decoded


@dataclass(frozen=True)
class ShardSplit:
    """A Split in shards: only what is iterated over is in memory."""

    is_in_memory: ClassVar[bool] = False
    origin: str  # what messages call the data
    files: tuple[str, ...]  # paths, in order
    images: tuple[int, ...]  # in each file
    num_with_objects: int  # images that have objects or crowds
    num_objects: int  # in all, crowds left out
    labels: dict[int, str]  # category id -> name, ids in rising order
    has_flips: bool  # whether masks can be read without decoding PNGs

    @property
    def digest(self) -> str:
        """A text that tells these shards from others, as far as names and counts do."""
        names = [file.rpartition("/")[2] for file in self.files]
        content = json.dumps([names, self.images, list(self.labels.items())])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def image_ids(self) -> tuple[()]:
        """None, since shards hold their images: `digest` tells these, too."""
        return ()

    @property
    def num_images(self) -> int:
        """Images, empty ones included."""
        return sum(self.images)

    @property
    def records(self) -> Iterator[Record]:
        """A ShardRecord of each image in turn, streamed. ValueError where a shard is damaged."""
        source = self.source()
        dataset = source.in_order().map(lambda s: (source.read(s), read_details(s)), tf.data.AUTOTUNE)
        with naming_damage(self.origin):
            for number, (example, details) in enumerate(dataset.prefetch(2)):
                yield _record(number, example, details)

    def source(self, cache: str = "none", with_empty: bool = True) -> ShardSource:
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
        return ShardSource(self, cache, with_empty)


@dataclass(frozen=True)
class ShardRecord(Record):
    """A Record with the bytes of its image file; `path` is the name that the file had."""

    encoded: bytes

    def read_image(self) -> np.ndarray:
        """[H, W, 3] uint8 RGB of the image, upright. ValueError where it is none of the record's size."""
        return self._of_its_size(decoded(self.encoded, self.path))


def _record(number, example, details):
    height, width = example["image_size"].numpy().tolist()
    boxes = example["boxes"].numpy()
    xywh, areas = _exact(details, boxes, height, width)
    flips = np.split(example["flips"].flat_values.numpy(), example["flips"].row_splits.numpy()[1:-1])
    key = image_key(details["source_id"].numpy().decode(errors="replace"))
    return ShardRecord(
        number if key is None else key,
        details["file_name"].numpy().decode(errors="replace"),
        height,
        width,
        boxes,
        example["classes"].numpy(),
        example["is_crowd"].numpy(),
        areas,
        tuple(runs_between(f, height * width) for f in flips) if len(boxes) else (),
        xywh,
        example["encoded"].numpy(),
    )


def _exact(details, boxes, height, width):
    """(COCO's boxes, areas), to the last digit where the shards have them so."""
    exact = details["exact"].numpy().reshape(-1, 5)
    if len(exact) == len(boxes):
        return exact[:, :4], exact[:, 4]
    xywh, areas = xywh_of(boxes, height, width), details["areas"].numpy().astype(float)
    return xywh, areas if len(areas) else xywh[:, 2:].prod(1)
