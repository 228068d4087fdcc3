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
    depth: int = 256  # lists and objects in one another, as in TF Serving 2.22
    elements: int = 4_000_000  # lists, objects, and the commas between values
    batch: int = 32  # rows
    pixels: int = MAX_PIXELS  # of all encoded images of a batch; an export has a limit of its own for each
    queue: int = 128  # predict requests that are accepted and not yet answered
    bodies: int = 256 * 2**20  # bytes of all bodies that are read, wait or run
    seconds: int = 60  # that the head of a request, its body and the reading of its answer may take each

    def __post_init__(self):
        _require_positive(self)


@dataclasses.dataclass(frozen=True)
class Batching:
    """How requests are gathered into one run of the network, in the words of TF Serving's batching.config."""

    max_batch_size: int = 8  # rows; a request of more is a batch of its own
    batch_timeout_micros: int = 5000  # that a batch waits for requests which are just being read
    num_batch_threads: int = 2  # one runs the network while another decodes images and writes answers

    def __post_init__(self):
        _require_positive(self)


class RequestError(Exception):
    """A request that is not answered; `status` is its HTTP status.

    retry_after: seconds after which the same request may be welcome.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


def _require_positive(settings):
    for name, value in dataclasses.asdict(settings).items():
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value!r}")
