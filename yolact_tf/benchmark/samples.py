"""Images to measure on, as files are: encoded."""

import io
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from yolact_tf.data.load import load_data
from yolact_tf.data.synthetic.shapes import JPEG_QUALITY, Options, draw_scene
from yolact_tf.draw.instances import resize, scaled_size
from yolact_tf.files import PathLike
from yolact_tf.images.decoding import decode_any, read_bytes

COUNT = 8  # images of a data set, or scenes that are drawn
_DRAWN = Options(height=480, width=640, min_objects=3, max_objects=12, seed=0)


class Sample(NamedTuple):
    """An image, encoded."""

    name: str
    encoded: bytes
    width: int
    height: int

    @classmethod
    def of(cls, name: str, encoded: bytes) -> "Sample":
        """ValueError with the name where the bytes are no image."""
        height, width = decode_any(encoded, name).shape[:2]
        return cls(name, encoded, width, height)

    @property
    def pixels(self) -> np.ndarray:
        """[H, W, 3] uint8 RGB, decoded each time."""
        return decode_any(self.encoded, self.name)

    def described(self) -> dict[str, str | int]:
        """What a report says of it."""
        return {"name": self.name, "width": self.width, "height": self.height, "bytes": len(self.encoded)}

    def resized(self, longer_side: int) -> "Sample":
        """The same image as a JPEG whose longer side has so many pixels."""
        size = scaled_size((self.height, self.width), longer_side)
        return Sample.of(self.name, _jpeg(resize(self.pixels, size)))


def read_samples(data: PathLike | None = None, images: Sequence[PathLike] = ()) -> list[Sample]:
    """`images`, files; else the first of the validation split of folder `data`; else drawn scenes."""
    if images:
        return [Sample.of(str(path), read_bytes(path)) for path in images]
    if data is None:
        return [_drawn(number) for number in range(COUNT)]
    records = itertools.islice(load_data(data, "val").records, COUNT)
    samples = [Sample.of(record.path, _bytes_of(record)) for record in records]
    if not samples:
        raise ValueError(f"{data}: expected images in the validation split. Received none")
    return samples


def _bytes_of(record):
    """Of shards the record has them."""
    return record.encoded if hasattr(record, "encoded") else read_bytes(record.path)


def _drawn(number):
    pixels = draw_scene(np.random.default_rng([_DRAWN.seed, number]), _DRAWN)[0]
    return Sample.of(f"drawn scene {number + 1}", _jpeg(pixels))


def _jpeg(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
