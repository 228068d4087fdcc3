"""What every loaded split of a data set answers, wherever it came from; the pipeline asks nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import tensorflow as tf

from yolact_tf.data.record import Record
from yolact_tf.structures import Example, Tensor


class Source(Protocol):
    """Images for tf.data. A handle stands for one of them, and is what an order shuffles."""

    num_images: int

    def order(self, seed: Tensor) -> tf.data.Dataset:
        """All handles, in the order that `seed` [2] gives."""

    def in_order(self) -> tf.data.Dataset:
        """All handles, in the order of the files."""

    def read(self, handle: Tensor) -> Example:
        """The Example of a handle. Graph code."""

    def name(self, handle: Any) -> str:
        """What the image of a handle is called."""


class Split(Protocol):
    """The images of one split with their objects, checked. What loading left out is no part of it."""

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name, ids in rising order: class c is the c-th."""

    @property
    def is_in_memory(self) -> bool:
        """Whether `records` is at hand; else each iteration reads files."""

    @property
    def records(self) -> Iterable[Record]:
        """A Record of each image in turn."""

    @property
    def image_ids(self) -> Sequence[int | str]:
        """Of each image in turn; none where `digest` tells which images there are."""

    @property
    def origin(self) -> str:
        """What messages call the data."""

    @property
    def digest(self) -> str:
        """A text that tells this data from other data."""

    @property
    def num_images(self) -> int:
        """Images, empty ones included."""

    @property
    def num_with_objects(self) -> int:
        """Images that have objects or crowds."""

    @property
    def num_objects(self) -> int:
        """Objects in all, crowds left out."""

    def source(self, cache: str = "none", with_empty: bool = True) -> Source:
        """The images for tf.data; `with_empty` says whether those without objects are among them."""
