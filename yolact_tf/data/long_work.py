"""A word now and then from work that takes long, whoever started it."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

_EVERY = 5.0  # seconds


def told(
    items: Iterable[Item], total: int, origin: object, what: str, clock: Callable[[], float] = time.monotonic
) -> Iterator[Item]:
    """`items`, of which the log says every five seconds how many of `total` are done; nothing where that is
    sooner.

    origin, what: as in "train.json: 1,000 of 118,287 images read", where they are the first and last words.
    """
    last = clock()
    for done, item in enumerate(items):
        if clock() - last >= _EVERY:
            last = clock()
            logger.warning("%s: %s of %s %s", origin, f"{done:,}", f"{total:,}", what)
        yield item
