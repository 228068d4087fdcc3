"""What a source gives: a picture, and where and when it is from."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np


class Frame(NamedTuple):
    """One picture to look at, upright."""

    image: np.ndarray  # [H, W, 3] uint8 RGB
    name: str  # of its source, the same for all frames of a video
    number: int  # in its source, from 1
    source: "Source"
    seconds: float | None = None  # since its video began; None for a still
    lasts: float = 0.0  # seconds until the next
    turns: int = 0  # quarters against the clock that made it upright
    is_last: bool = False  # of a video that ends
    remarks: tuple[str, ...] = ()  # what of it is not seen
    image_id: int = 0  # among all that is looked at, from 1


class Source(Protocol):
    """Where frames come from. `frames` may be asked for again, but for what is live."""

    @property
    def name(self) -> str:
        """What tells it from the others of a request."""

    @property
    def place(self) -> str:
        """Its path, URL or device, as messages call it."""

    @property
    def suffix(self) -> str:
        """Ending of the file that shows what was found in it."""

    @property
    def num_frames(self) -> int | None:
        """How many frames it has, as far as it says so."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on while nobody looks, so that a late frame is worth less than the next."""

    def frames(self) -> Iterator[Frame]:
        """ValueError, OSError or ImportError, in one line with its place, where nothing can be read."""
