"""How a process ends that is asked to: in order, so that nothing half-written stays behind."""

import contextlib
import signal
import threading
from collections.abc import Iterator

POLITE = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Terminated(SystemExit):
    """A polite kill as an error, which cleans up on its way out; `code` is the shell's, 128 + its number."""

    def __init__(self, number: int):
        super().__init__(128 + number)


@contextlib.contextmanager
def ending_in_order() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise Terminated; Python's default ends without any `finally`.

    Only the first does, so that a second cannot stop the cleaning up. A handler that was set before stays,
    such as `nohup`'s.
    """

    def end(number, frame):
        for polite in taken:
            signal.signal(polite, signal.SIG_IGN)
        raise Terminated(number)

    is_main = threading.current_thread() is threading.main_thread()  # only there may handlers be set
    taken = [number for number in POLITE if is_main and signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
