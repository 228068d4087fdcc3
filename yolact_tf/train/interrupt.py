"""Ctrl-C and a polite kill, noticed between two steps instead of in the middle of one."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

from yolact_tf.shutdown import POLITE, Terminated


@contextlib.contextmanager
def interruptible() -> Iterator[Callable[[], KeyboardInterrupt | Terminated | None]]:
    """Yields a function that returns what to raise where the process was asked to stop, else None.

    That is KeyboardInterrupt or Terminated. Asking twice raises it at once.
    """
    reasons: list[KeyboardInterrupt | Terminated] = []

    def ask(number, frame):
        reasons.append(KeyboardInterrupt() if number == signal.SIGINT else Terminated(number))
        if len(reasons) > 1:
            raise reasons[-1]

    def reason():
        return reasons[0] if reasons else None

    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield reason
        return
    # What is ignored stays so, as under `nohup`.
    polite = [number for number in POLITE if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, *polite)}
    try:
        yield reason
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
