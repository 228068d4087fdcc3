"""A split of TFRecord shards: what it holds, and its images one after another."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from yolact_tf.data.images import decoded
from yolact_tf.data.record import Record, runs_between
from yolact_tf.data.shard_files import naming_damage
from yolact_tf.data.shard_source import ShardSource
from yolact_tf.data.tf_example import read_details


@dataclass(frozen=True)
class ShardData:
    """One split in shards. It stands where a CocoData does; only what is iterated over is in memory."""

    origin: str  # what messages call the data
    files: tuple[str, ...]  # paths, in order
    images: tuple[int, ...]  # in each file
    num_with_objects: int  # images that have objects or crowds
    labels: dict[int, str]  # category id -> name, ids in rising order
    has_flips: bool  # whether masks can be read without decoding PNGs

    @property
    def digest(self):
        """A text that tells these shards from others, as far as names and counts do."""
        names = [file.rpartition("/")[2] for file in self.files]
        content = json.dumps([names, self.images, list(self.labels.items())])
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def num_images(self):
        """Images, empty ones included."""
        return sum(self.images)

    @property
    def records(self):
        """A ShardRecord of each image in turn, streamed. ValueError where a shard is damaged."""
        source = self.source()
        dataset = source.in_order().map(lambda s: (source.read(s), read_details(s)), tf.data.AUTOTUNE)
        with naming_damage(self.origin):
            for number, (example, details) in enumerate(dataset.prefetch(2)):
                yield _record(number, example, details)

    def source(self, cache="none", with_empty=True):
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
        return ShardSource(self, cache, with_empty)

    def coco_content(self):
        """COCO JSON of the images, with the annotations that the shards were made of."""
        images, annotations = [], []
        for record in self.records:
            images.append({"id": record.image_id, "height": record.height, "width": record.width})
            annotations += record.annotations(list(self.labels))
        categories = [{"id": key, "name": name} for key, name in self.labels.items()]
        return {"images": images, "annotations": annotations, "categories": categories}


@dataclass(frozen=True)
class ShardRecord(Record):
    """A Record with the bytes of its image file; `path` is the name that the file had."""

    encoded: bytes
    annotations_json: bytes  # empty where the shard has none

    def read_image(self):
        """[H, W, 3] uint8 RGB of the image, upright."""
        return decoded(self.encoded, self.path)

    def annotations(self, category_ids):
        """The image's annotations as COCO JSON has them."""
        if self.annotations_json:
            return json.loads(self.annotations_json)
        scale = np.array([self.width, self.height] * 2)
        corners = self.boxes.astype(float) * scale
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1).tolist()
        return [
            {
                "image_id": self.image_id,
                "category_id": category_ids[self.classes[i]],
                "bbox": boxes[i],
                "area": float(self.areas[i]),
                "iscrowd": int(self.is_crowd[i]),
                "segmentation": {"size": [self.height, self.width], "counts": self.runs[i].tolist()},
            }
            for i in range(len(boxes))
        ]


def _record(number, example, details):
    height, width = example["image_size"].numpy().tolist()
    boxes, areas = example["boxes"].numpy(), details["areas"].numpy().astype(float)
    if not len(areas):
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) * float(height * width)
    flips = np.split(example["flips"].flat_values.numpy(), example["flips"].row_splits.numpy()[1:-1])
    source_id = details["source_id"].numpy().decode()
    return ShardRecord(
        int(source_id) if source_id.isdecimal() else source_id or number,
        details["file_name"].numpy().decode(errors="replace"),
        height,
        width,
        boxes,
        example["classes"].numpy(),
        example["is_crowd"].numpy(),
        areas,
        tuple(runs_between(f, height * width) for f in flips) if len(boxes) else (),
        example["encoded"].numpy(),
        details["annotations"].numpy(),
    )
