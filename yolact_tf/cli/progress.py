"""What a person sees: results on stdout; progress on stderr, a bar with an ETA on a terminal, else lines."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from yolact_tf.structures import Progress

PLAIN_INTERVAL = 10.0  # seconds between lines where there is no terminal


def takes_bars(stream: TextIO) -> bool:
    """Whether a bar that is drawn there again and again stays in its place: on a terminal.

    The cell of a notebook passes for one, but keeps what was drawn before. Its kernel names the backend of
    matplotlib, in Jupyter, Colab and editors alike.
    """
    return stream.isatty() and "inline" not in os.environ.get("MPLBACKEND", "")


# Where results go. Without a terminal there is no width to fit into, and no bar, though FORCE_COLOR be set.
_IS_TERMINAL = takes_bars(sys.stdout)
console = Console(
    soft_wrap=True, highlight=False, force_terminal=_IS_TERMINAL, width=None if _IS_TERMINAL else 160
)


def plain_table(*headings: str, **options: Any) -> Table:
    """A Table without lines, its columns two blanks apart. options: others of Rich's."""
    return Table(*headings, box=None, padding=(0, 2, 0, 0), **options)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Yields `report(done, total)`, to be called as the work advances; with 0 done where it starts later."""
    if not takes_bars(sys.stderr):
        yield _plain_lines(title)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextlib.contextmanager
def rate_bar(title: str, unit: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Yields `report(done)`, which also tells how many a second are done.

    unit: what is counted, in the plural.  total: how many there will be; None where nobody knows.
    """
    if not takes_bars(sys.stderr):
        yield _plain_rates(title, unit, total)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), _RateColumn(unit), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)


class _RateColumn(ProgressColumn):
    """So many a second, as of late."""

    def __init__(self, unit: str):
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f} {self.unit}/s" if task.speed else "")


def _plain_rates(title, unit, total):
    """As `_plain_lines`; the first is not timed, since it waits for whatever is made once."""
    begun, last = None, 0.0

    def report(done):
        nonlocal begun, last
        now = time.monotonic()
        if begun is None:
            begun, last = (done, now), now
        if now - last >= PLAIN_INTERVAL and done != total:
            rate = (done - begun[0]) / (now - begun[1])
            known = f"/{total}" if total else ""
            left = f", {max(total - done, 0) / rate:.0f} s left" if total else ""
            print(f"{title}: {done}{known}, {rate:.1f} {unit}/s{left}", file=sys.stderr, flush=True)
            last = now

    return report


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
