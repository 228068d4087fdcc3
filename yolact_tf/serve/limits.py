"""What one request may ask of the server, and how many may wait."""

import dataclasses

from yolact_tf.config import MAX_PIXELS


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a request may be at most; one that is more is refused before it costs what it asks for.

    A 550 px image as lists of numbers has 1.2 million elements.
    """

    body: int = 32 * 2**20  # bytes, also of what a gzip body unpacks to
    gzip_ratio: int = 100  # unpacked to packed bytes, where a gzip body unpacks to more than 1 MiB
    depth: int = 64  # lists and objects in one another
    elements: int = 4_000_000  # lists, objects, and the commas between values
    batch: int = 32  # rows
    pixels: int = MAX_PIXELS  # of all encoded images together; an export has a limit of its own for each
    queue: int = 32  # predict requests that wait while as many as there are cores run
    bodies: int = 256 * 2**20  # bytes of all bodies that are read, wait or run

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if value < 1:
                raise ValueError(f"`{name}` must be at least 1. Received: {value!r}")


class RequestError(Exception):
    """A request that is not answered; `status` is its HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
