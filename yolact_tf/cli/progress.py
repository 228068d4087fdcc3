"""What a person sees: results on stdout; progress on stderr, a bar with an ETA on a terminal, else lines."""

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from yolact_tf.structures import Progress

PLAIN_INTERVAL = 10.0  # seconds between lines where there is no terminal

# Where results go. Without a terminal there is no width to fit into.
console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 160)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Yields `report(done, total)`, to be called as the work advances; with 0 done where it starts later."""
    if not sys.stderr.isatty():
        yield _plain_lines(title)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _plain_lines(title):
    started = last = time.monotonic()

    def report(done, total):
        nonlocal started, last
        now = time.monotonic()
        if not done:
            started = last = now
        if done and done < total and now - last >= PLAIN_INTERVAL:
            left = (now - started) / done * (total - done)
            print(f"{title}: {done}/{total}, {left:.0f} s left", file=sys.stderr, flush=True)
            last = now

    return report
