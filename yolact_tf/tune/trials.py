"""What the trials of a search came to, in the search's own words: nothing here needs Optuna."""

from collections.abc import Iterable
from typing import NamedTuple

GOOD, STOPPED, FAILED = "good", "stopped", "failed"


class TrialRow(NamedTuple):
    """A trial that is over."""

    number: int  # counted from 1
    state: str  # GOOD, STOPPED early since others were better, or FAILED
    mask_ap: float  # the best of its validations; -1 where there was none
    settings: dict[str, str]  # field -> value, as `--set` takes it
    is_own: bool  # the recipe as it is
    error: str = ""  # why it failed


def best_of(rows: Iterable[TrialRow]) -> TrialRow | None:
    """The first row of the highest mask AP among those that trained to the end."""
    return max((row for row in rows if row.state == GOOD), key=lambda row: row.mask_ap, default=None)


def own_of(rows: Iterable[TrialRow]) -> TrialRow | None:
    """The row of the recipe as it is."""
    return next((row for row in rows if row.is_own), None)
