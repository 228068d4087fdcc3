"""Work done ahead in a thread."""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
_GOODBYE = 5.0  # seconds for a thread to end, which may be waiting for a camera
GLANCE = 1.0  # seconds of waiting at a time: on Windows nothing else lets Ctrl-C through


def ahead(
    items: Generator[T, None, None], limit: int, is_passing: Callable[[T], bool]
) -> Generator[T, None, None]:
    """`items` in order, worked out by a thread that is up to `limit` of them ahead.

    is_passing: whether an item is worth less than the next, and gives way to it while nobody has taken it.
    What `items` raises is raised here. Closing the generator closes `items` and ends the thread.
    """
    belt = _Belt(limit, is_passing)
    thread = threading.Thread(target=belt.fill, args=(items,), name="ahead", daemon=True)
    thread.start()
    try:
        while (taken := belt.take()) is not None:
            yield taken[0]
    finally:
        belt.stop()
        thread.join(_GOODBYE)


class _Belt:
    """Between the thread that works ahead and the one that takes."""

    def __init__(self, limit, is_passing):
        self.limit, self.is_passing = limit, is_passing
        self.waiting: deque[Any] = deque()
        self.is_stopped = self.is_over = False
        self.error: BaseException | None = None
        self.changed = threading.Condition()

    def fill(self, items):
        error = None
        try:
            with contextlib.closing(items):
                for item in items:
                    if not self.put(item):
                        return
        except BaseException as raised:  # whatever it is, the other thread is to hear of it
            error = raised
        with self.changed:
            self.is_over, self.error = True, error
            self.changed.notify_all()

    def put(self, item):
        """Whether the item is wanted: waits for room first."""
        with self.changed:
            while self.is_passing(item) and self.waiting and self.is_passing(self.waiting[-1]):
                self.waiting.pop()
            while len(self.waiting) >= self.limit and not self.is_stopped:
                self.changed.wait(GLANCE)
            self.waiting.append(item)
            self.changed.notify_all()
            return not self.is_stopped

    def take(self):
        """(item,), or None after the last."""
        with self.changed:
            while not self.waiting and not self.is_over:
                self.changed.wait(GLANCE)
            if self.waiting:
                item = self.waiting.popleft()
                self.changed.notify_all()
                return (item,)
            if self.error is not None:
                raise self.error
            return None

    def stop(self):
        with self.changed:
            self.is_stopped = True
            self.waiting.clear()
            self.changed.notify_all()
