"""Work on several items at once, in threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from yolact_tf.cores import usable_cores
from yolact_tf.detect.ahead import GLANCE

T = TypeVar("T")
R = TypeVar("R")
# Calls of a detector at once: decoding, resizing and parts of NMS keep one core busy, the others waiting. Two
# leave batches large enough for accelerators.
_CALLS = 2


def calls_at_once() -> int:
    """How many threads shall ask a detector at once: one where one core is all there is."""
    return min(_CALLS, usable_cores())


def abreast(function: Callable[[T], R], items: Iterable[T], workers: int) -> Generator[R, None, None]:
    """`function` of each of `items` in order, worked out by so many threads at once.

    One item more is taken, so that no thread waits while the caller looks at a result. What `function` raises
    is raised in its turn, and ends the work, as closing the generator does; what is begun is finished before.
    One worker is the caller's thread.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers, "abreast")
    begun: deque[Future[R]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > workers:
                yield _result(begun.popleft())
        while begun:
            yield _result(begun.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future):
    while not future.done():
        wait([future], GLANCE)
    return future.result()
