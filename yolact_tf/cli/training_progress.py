"""A training as a person watches it: a bar with losses and ETA on a terminal, lines elsewhere, a table."""

import contextlib
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

if TYPE_CHECKING:
    from yolact_tf.train.watch.progress import EpochRow, Status

PLAIN_INTERVAL = 30.0  # seconds between lines where there is no terminal
BAR_INTERVAL = 0.25  # seconds between updates of the bar
_ROWS_A_HEADING = 25  # rows of the table until its heading comes again


@contextlib.contextmanager
def training_report(console: Console) -> Iterator["PlainReport"]:
    """Yields a report: `status(Status)` as often as every `interval` seconds, `validating(done, total)`,
    `row(EpochRow)` after each epoch. All of it goes to where `console`, a rich Console, writes."""
    if not console.is_terminal:
        yield PlainReport(console)
        return
    # The bar needs a console that cuts long lines.
    own = Console(file=console.file, force_terminal=True, highlight=False)
    with _Bar(console=own, transient=True) as bar:
        yield TerminalReport(bar)


class PlainReport:
    """Lines for a log file: a table row an epoch, and where the training stands from time to time."""

    interval = PLAIN_INTERVAL

    def __init__(self, console: Console):
        self.console = console
        self._num_rows = 0
        self._last_line = time.monotonic()

    def status(self, status: "Status") -> None:
        """Says where the training stands."""
        self._line(f"{_place(status)}: {', '.join([*_numbers(status), *_pace(status)])}")

    def validating(self, done: int, total: int) -> None:
        """Says how far a validation is, where it takes long."""
        if time.monotonic() - self._last_line >= self.interval:
            self._line(f"validating: {done}/{total}")

    def row(self, row: "EpochRow") -> None:
        """Adds a row to the table of epochs."""
        if self._num_rows % _ROWS_A_HEADING == 0:
            self._line(_heading(row))
        self._num_rows += 1
        self._line(_cells(row))

    def _line(self, text):
        self.console.print(text, soft_wrap=True, markup=False)
        self._last_line = time.monotonic()


class TerminalReport(PlainReport):
    """The same table above a bar that stays at the bottom of a terminal."""

    interval = BAR_INTERVAL

    def __init__(self, bar: "_Bar"):
        super().__init__(bar.console)
        self._bar = bar
        self._task = bar.add_task("starting", total=None, pace="")

    def status(self, status: "Status") -> None:
        """Moves the bar."""
        self._bar.numbers = "  ".join(_numbers(status))
        self._bar.update(
            self._task,
            description=_epoch(status),
            completed=status.step,
            total=status.steps,
            pace="  ".join(_pace(status)),
        )

    def validating(self, done: int, total: int) -> None:
        """Turns the bar into that of a validation."""
        self._bar.update(self._task, description="validating", completed=done, total=total)

    def row(self, row: "EpochRow") -> None:
        """Adds a row above the bar, which waits for the next epoch."""
        super().row(row)
        self._bar.update(self._task, description="starting", completed=0, total=None)


class _Bar(Progress):
    """One task with its numbers on a line below."""

    numbers = ""

    def __init__(self, **options):
        pace = TextColumn("{task.fields[pace]}")
        columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), pace)
        super().__init__(*columns, **options)

    def get_renderables(self):
        yield self.make_tasks_table(self.tasks)
        yield Text(self.numbers, style="dim", no_wrap=True, overflow="ellipsis")


def _place(status):
    steps = status.step if status.steps is None else f"{status.step}/{status.steps}"
    return f"{_epoch(status)}, step {steps}"


def _epoch(status):
    return f"epoch {status.epoch}" if status.epochs is None else f"epoch {status.epoch}/{status.epochs}"


def _numbers(status):
    losses = [f"{_loss_name(name)} {value:.3f}" for name, value in status.losses.items()]
    return [*losses, f"lr {status.learning_rate:.2g}"]


def _pace(status):
    parts = []
    if math.isfinite(status.images_per_second):
        parts.append(f"{status.images_per_second:.1f} images/s")
    if status.seconds_left is not None:
        parts.append(f"ETA {clock(status.seconds_left)}")
    return parts


def _heading(row):
    names = map(_loss_name, row.losses)
    return " ".join(
        ["epoch", *(f"{n:>6}" for n in names), f"{'lr':>7}", "img/s", "box AP", "mask AP", "elapsed"]
    )


def _cells(row):
    """A line that fits in 80 columns under `_heading`."""
    losses = [f"{value:{max(6, len(_loss_name(name)))}.3f}" for name, value in row.losses.items()]
    speed = _or_dash(row.images_per_second, 5, ".1f")
    ap = [_or_dash(row.box_ap, 6, ".3f"), _or_dash(row.mask_ap, 7, ".3f")]
    return " ".join(
        [f"{row.epoch:5}", *losses, f"{row.learning_rate:7.1e}", speed, *ap, f"{clock(row.elapsed):>7}"]
    )


def _or_dash(value, width, form):
    return f"{value:{width}{form}}" if value >= 0 else f"{'–':>{width}}"


def _loss_name(name):
    return name.removesuffix("_loss").replace("_", " ").replace("iou", "IoU")


def clock(seconds: float) -> str:
    """Seconds as m:ss or h:mm:ss."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
