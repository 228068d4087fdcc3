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

    What one of them raises is raised by the next `add`, or by `close`; all are closed whatever happens, also
    where Ctrl-C is pressed again meanwhile.
    """

    def __init__(self, sinks: Sequence[Sink]):
        self._sinks = sinks
        self._waiting: queue.Queue[tuple[Frame, Detections] | None] = queue.Queue(_WAITING)
        self._error: BaseException | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="sinks")
        self._thread.start()

    def add(self, frame: Frame, found: Detections) -> None:
        if self._error is not None:
            raise self._error
        self._waiting.put((frame, found))

    def close(self) -> None:
        again: KeyboardInterrupt | None = None
        is_told = False
        while not self._is_over.is_set():
            try:
                if not is_told:
                    self._waiting.put(None)
                    is_told = True
                self._is_over.wait()  # Python 3.11 takes a thread for ended whose `join` was interrupted
            except KeyboardInterrupt as interrupt:
                again = interrupt
        if error := self._error or again:
            raise error

    def _work(self):
        frames = iter(self._waiting.get, None)
        try:
            with contextlib.ExitStack() as stack:
                for sink in self._sinks:
                    stack.enter_context(sink)
                for frame, found in frames:
                    for sink in self._sinks:
                        sink.add(frame, found)
        except BaseException as error:  # whatever it is, the other thread is to hear of it
            self._error = error
            for _ in frames:  # nobody shall wait for room that never comes
                pass
        finally:
            self._is_over.set()
