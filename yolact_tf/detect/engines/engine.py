"""What all engines are: images in, what is found in them out, in two steps that can be timed apart."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yolact_tf.detect.engines.answers import by_image
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.preprocess import resize_images

Found = dict[str, np.ndarray]


class Engine(ABC):
    """Maps uint8 RGB images [H, W, 3] to what is found in each, as the package's docstring says."""

    kind: str  # as people call it
    precision = "float32"  # of its weights
    accelerator = "cpu"  # what computes
    labels: dict[int, str]  # category id -> name
    mask_options: MaskOptions
    anchor_settings: dict[str, Any] | None  # the arguments of `build_anchors`; None where it does not tell

    def __call__(self, image: np.ndarray) -> Found:
        return self.batch([image])[0]

    def batch(self, images: Sequence[np.ndarray]) -> list[Found]:
        """What is found in each of several images, of any sizes."""
        return self.detect(self.prepare(images)) if len(images) else []

    @abstractmethod
    def prepare(self, images: Sequence[np.ndarray]) -> Any:
        """What `detect` takes, of one image or more."""

    @abstractmethod
    def detect(self, prepared: Any) -> list[Found]:
        """What is found in images that were prepared."""


class SquareEngine(Engine):
    """Runs what takes one image at a time, resized to a square: [1, S, S, 3] float32, grey [1, S, S, 1]."""

    image_size: int
    channels: int

    def prepare(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        shape = self.image_size, self.channels
        return [np.asarray(resize_images(image[None], *shape)) for image in images]

    def detect(self, prepared: Sequence[np.ndarray]) -> list[Found]:
        return [self.found_in(self.compute(image)) for image in prepared]

    @abstractmethod
    def compute(self, image: np.ndarray) -> Mapping[str, np.ndarray]:
        """The outputs by name, for an image as `prepare` gives it."""

    def found_in(self, answer: Mapping[str, np.ndarray]) -> Found:
        """What these outputs say was found."""
        return by_image(answer)[0]
