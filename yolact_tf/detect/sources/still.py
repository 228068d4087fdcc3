"""An image file as a source of one frame."""

from collections.abc import Iterator
from dataclasses import dataclass

from yolact_tf.detect.image_inputs import pixels_of
from yolact_tf.detect.sources.frame import Frame


@dataclass(frozen=True)
class Still:
    """An image file."""

    place: str
    name: str
    suffix: str = ".png"
    num_frames: int = 1
    is_live: bool = False

    def frames(self) -> Iterator[Frame]:
        """The image, upright."""
        pixels = pixels_of(self.place)
        yield Frame(pixels.rgb, self.name, 1, self, remarks=pixels.remarks)
