"""A search as a person watches it: a line a trial, and a bar within it on a terminal."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from yolact_tf.cli.training_progress import clock

if TYPE_CHECKING:
    from yolact_tf.tune.trials import TrialRow


@contextlib.contextmanager
def tuning_report(console: Console) -> Iterator["PlainReport"]:
    """Yields a Report of `yolact_tf.tune`, which tells all to where `console` writes."""
    if not console.is_terminal:
        yield PlainReport(console)
        return
    columns = TextColumn("{task.description}"), BarColumn(20), TaskProgressColumn()
    # The bar needs a console that cuts long lines.
    own = Console(file=console.file, force_terminal=True, highlight=False)
    with Progress(*columns, console=own, transient=True) as bar:
        yield TerminalReport(bar)


class PlainReport:
    """A line whenever a trial begins, is validated or is over."""

    def __init__(self, console: Console):
        self.console = console

    def begins(self, number: int, trials: int) -> None:
        """Starts the trial's clock."""
        self._place, self._began = f"trial {number}/{trials}", time.monotonic()

    def at(self, share: float, mask_ap: float | None = None) -> None:
        """Tells each validation."""
        if mask_ap is not None:
            self._line(f"{self._place}: mask AP {mask_ap:.3f} after {100 * share:.0f} % of its time")

    def ended(self, row: "TrialRow", best: "TrialRow | None") -> None:
        """Tells the result, and the best by now."""
        took = clock(time.monotonic() - self._began)
        came_to = {
            "good": f"mask AP {row.mask_ap:.3f}",
            "stopped": f"stopped at mask AP {row.mask_ap:.3f}",
            "failed": f"failed: {row.error}",
        }[row.state]
        by_now = f"; best {best.mask_ap:.3f}, trial {best.number}" if best else ""
        self._line(f"{self._place}: {came_to} ({took}){by_now}")

    def _line(self, text):
        self.console.print(text, soft_wrap=True, markup=False)


class TerminalReport(PlainReport):
    """The same lines above a bar of the trial's time."""

    def __init__(self, bar: Progress):
        super().__init__(bar.console)
        self._bar = bar
        self._task = bar.add_task("starting", total=1.0)
        self._best = ""

    def begins(self, number: int, trials: int) -> None:
        """Empties the bar."""
        super().begins(number, trials)
        self._bar.update(self._task, completed=0, description=f"{self._place}{self._best}")

    def at(self, share: float, mask_ap: float | None = None) -> None:
        """Moves the bar; the latest mask AP stands before it."""
        now = "" if mask_ap is None else f", mask AP {mask_ap:.3f}"
        if now:
            self._bar.update(self._task, description=f"{self._place}{now}{self._best}")
        self._bar.update(self._task, completed=share)

    def ended(self, row: "TrialRow", best: "TrialRow | None") -> None:
        """Adds the line."""
        super().ended(row, best)
        self._best = f", best {best.mask_ap:.3f}" if best else ""
