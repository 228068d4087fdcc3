"""Which anchors learn which objects: those that training matches, ignores, or has to force."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from yolact_tf.anchors import anchors_per_cell, build_anchors, level_starts
from yolact_tf.boxes import paired_iou
from yolact_tf.config import Config
from yolact_tf.data.inspect.anchor_fit import box_sides
from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.split import Split
from yolact_tf.files import PathLike
from yolact_tf.losses.targets import NEUTRAL, is_positive, match_anchors, slot_masks
from yolact_tf.preprocess import as_rgb
from yolact_tf.structures import GroundTruth, Progress

_BATCH = 8  # images
_EXAMPLES = 6


@dataclass(frozen=True, eq=False)
class MatchedImage:
    """One image as training matches it. Boxes are corners in 0..1."""

    objects: np.ndarray  # [n, 4] boxes, crowds left out
    positives: np.ndarray  # [p] anchors that learn an object
    object_of: np.ndarray  # [p] which of the objects
    is_forced: np.ndarray  # [p] bool: positive though they do not fit, as nothing does better
    neutrals: np.ndarray  # [m] anchors that learn nothing

    @property
    def num_own(self) -> np.ndarray:
        """[n] anchors that learn each object because they fit: they overlap it enough."""
        return np.bincount(self.object_of[~self.is_forced], minlength=len(self.objects))

    @property
    def is_missed(self) -> np.ndarray:
        """[n] bool: objects that no anchor fits, so that one was forced to learn them."""
        return self.num_own == 0


@dataclass(frozen=True, eq=False)
class AnchorMatches:
    """How the anchors of a Config meet the objects of a split."""

    config: Config
    anchors: np.ndarray  # [A, 4] corners in 0..1
    images: list[MatchedImage]
    examples: list[tuple[np.ndarray, MatchedImage]]  # [S, S, 3] uint8 pixels of those that miss the most
    num_images: int  # of the split, of which `images` may be a part

    @property
    def fit(self) -> str:
        """What an anchor does to objects that it fits, after "an anchor" or "no anchor"."""
        return f"overlaps them by {self.config.loss.positive_iou:g}"

    @property
    def shapes(self) -> np.ndarray:
        """[5, a, 2] width and height of the a anchors of a cell on each level, pixels of the input."""
        sides = (self.anchors[:, 2:] - self.anchors[:, :2]) * self.config.data.image_size
        return np.stack([sides[start : start + self._per_cell] for start in self._starts])

    @property
    def positives(self) -> np.ndarray:
        """[5, a] positive anchors of all images by level and shape."""
        return self._count([image.positives for image in self.images])

    @property
    def neutrals(self) -> np.ndarray:
        """[5, a] neutral anchors likewise."""
        return self._count([image.neutrals for image in self.images])

    def level_of(self, anchors: np.ndarray) -> np.ndarray:
        """The level, 0..4, of each of these anchors, indices."""
        return np.searchsorted(self._starts, anchors, side="right") - 1

    @property
    def sides(self) -> np.ndarray:
        """[objects] geometric mean of width and height, pixels of the input."""
        sides = [box_sides(image.objects) for image in self.images]
        return np.concatenate(sides) * self.config.data.image_size

    @property
    def num_own(self) -> np.ndarray:
        """[objects] anchors that learn each because they fit."""
        return np.concatenate([image.num_own for image in self.images])

    def _count(self, parts):
        anchors = np.concatenate(parts)
        level = self.level_of(anchors)
        counts = np.zeros(self.shapes.shape[:2], int)
        np.add.at(counts, (level, (anchors - self._starts[level]) % self._per_cell), 1)
        return counts

    @property
    def _per_cell(self):
        return anchors_per_cell(self.config.anchors.scales, self.config.anchors.ratios)

    @property
    def _starts(self):
        return level_starts(self.config.data.image_size, self._per_cell)


def match_data(
    config: Config,
    data: PathLike | Split,
    split: str = "train",
    most: int = 200,
    augmented: bool = False,
    progress: Progress | None = None,
) -> AnchorMatches:
    """The AnchorMatches of the first `most` images of a split, as they are, or as training varies them.

    data: a data folder, or what `load_data` made of one.  augmented: shuffled and augmented, as a training
    sees them.  progress: called as progress(done, total) after each batch.
    """
    data = load_data(data, split, config.data)
    # A recipe knows nothing of this data.
    model = dataclasses.replace(config.model, num_classes=max(config.model.num_classes, len(data.labels)))
    config = dataclasses.replace(config, model=model)
    total = min(most, data.num_images)
    images: list[MatchedImage] = []
    examples: list[tuple[np.ndarray, MatchedImage]] = []
    for batch, truth in _batches(config, data, total, augmented):
        matched = list(match_truth(config, truth))[: total - len(images)]
        images += matched
        examples += zip(np.array(as_rgb(np.asarray(batch))).clip(0, 255).astype(np.uint8), matched)
        examples = sorted(examples, key=lambda example: -example[1].is_missed.sum())[:_EXAMPLES]
        if progress:
            progress(len(images), total)
    anchors = build_anchors(**config.anchor_settings)
    return AnchorMatches(config, anchors, images, examples, data.num_images)


def match_truth(config: Config, truth: GroundTruth) -> Iterator[MatchedImage]:
    """Yields the MatchedImage of each image of a batch under a Config."""
    anchors = build_anchors(**config.anchor_settings)
    slots: Any = {name: np.asarray(values) for name, values in truth.items()}
    targets = match_anchors(slots, anchors, **config.loss.matching)
    classes, gt_index, positive = (
        np.asarray(values) for values in (targets["classes"], targets["gt_index"], is_positive(targets))
    )
    is_object = np.asarray(slot_masks(slots)[0])
    for b in range(len(is_object)):
        chosen = np.flatnonzero(positive[b])
        matched = gt_index[b, chosen]
        overlaps = np.asarray(paired_iou(anchors[chosen], slots["boxes"][b, matched]))
        rank = np.cumsum(is_object[b]) - 1  # of each slot among the objects
        yield MatchedImage(
            slots["boxes"][b, is_object[b]],
            chosen,
            rank[matched],
            overlaps < config.loss.positive_iou,
            np.flatnonzero(classes[b] == NEUTRAL),
        )


def _batches(config, data, count, augmented):
    """(images, GroundTruth) batches that hold `count` images or a little more."""
    size = min(_BATCH, count)
    settings = dataclasses.replace(config.data, cache="none", on_error="skip", max_unreadable=1.0)
    training = dataclasses.replace(config.train, batch_size=size, images_per_epoch=-(-count // size) * size)
    config = dataclasses.replace(config, data=settings, train=training)
    dataset = build_dataset(config, data, "train" if augmented else "as it is")
    return dataset.take(-(-count // size))
