"""Sinks that work in a thread of their own."""

import contextlib
import queue
import threading
from collections.abc import Sequence

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sources import Frame

_WAITING = 8  # frames that are drawn and encoded later


class InBackground(Sink):
    """Gives frames to `sinks` in a thread, so that who finds the next need not wait for drawing and encoding.

    What one of them raises is raised by the next `add`, or by `close`; all are closed whatever happens.
    """

    def __init__(self, sinks: Sequence[Sink]):
        self._sinks = sinks
        self._waiting: queue.Queue[tuple[Frame, Detections] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="sinks")
        self._thread.start()

    def add(self, frame: Frame, found: Detections) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put((frame, found))

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _work(self):
        try:
            with contextlib.ExitStack() as stack:
                for sink in self._sinks:
                    stack.enter_context(sink)
                for frame, found in iter(self._waiting.get, None):
                    for sink in self._sinks:
                        sink.add(frame, found)
        except BaseException as error:  # whatever it is, the other thread is to hear of it
            self._error = error
            while self._waiting.get() is not None:  # nobody shall wait for room that never comes
                pass
