"""A search as a picture: how it went, and mask AP against each field that it varied."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from yolact_tf.draw.charts import BLUE, GREY, ORANGE, new_chart, save_chart, tidy
from yolact_tf.tune.space import Choices, Range, Space, text_of
from yolact_tf.tune.trials import FAILED, GOOD, STOPPED, TrialRow, best_of, own_of

_COLUMNS = 5
_RED = "#b3261e"
_LOOKS = {
    GOOD: {"marker": "o", "color": BLUE, "label": "trained to the end"},
    STOPPED: {"marker": "o", "facecolors": "none", "edgecolors": GREY, "label": "stopped early"},
    FAILED: {"marker": "x", "color": _RED, "label": "failed"},
}


def draw_search(rows: Sequence[TrialRow], space: Space, own: dict[str, Any], target: Path) -> None:
    """Writes the chart of a search as a PNG.

    rows: the trials that are over, at least one.  own: the values of the recipe by the fields of `space`.
    """
    lines = 1 + -(-len(space) // _COLUMNS)
    figure = new_chart(16, 3.1 * lines)
    grid = figure.add_gridspec(lines, _COLUMNS)
    _draw_history(figure.add_subplot(grid[0, :]), rows)
    for number, (path, values) in enumerate(space.items()):
        axis = figure.add_subplot(grid[1 + number // _COLUMNS, number % _COLUMNS])
        _draw_field(axis, path, values, own[path], rows)
    save_chart(figure, target)


def _draw_history(axis: Axes, rows: Sequence[TrialRow]) -> None:
    _scatter(axis, rows, [row.number for row in rows])
    _mark_best(axis, rows, lambda row: row.number)
    best = np.maximum.accumulate([row.mask_ap if row.state == GOOD else 0.0 for row in rows])
    axis.step([row.number for row in rows], best, where="post", color=ORANGE, label="best so far")
    own = own_of(rows)
    if own and own.state == GOOD:
        axis.axhline(own.mask_ap, color=GREY, linestyle="--", linewidth=1, label="the recipe as it is")
    axis.set_xlabel("trial")
    axis.set_ylabel("mask AP")
    axis.set_xlim(0.5, max(rows[-1].number, 2) + 0.5)
    axis.set_title("best mask AP of each trial on the validation images", fontsize=10)
    axis.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_field(axis: Axes, path: str, values: Range | Choices, own: Any, rows: Sequence[TrialRow]) -> None:
    rows = [row for row in rows if path in row.settings]
    place = values.texts.index if isinstance(values, Choices) else float
    _scatter(axis, rows, [place(row.settings[path]) for row in rows])
    _mark_best(axis, rows, lambda row: place(row.settings[path]))
    if isinstance(values, Choices):
        axis.set_xticks(range(len(values.texts)), values.texts, fontsize=8)
        axis.set_xlim(-0.5, len(values.texts) - 0.5)
    else:
        _scale(axis, values)
    if isinstance(values, Range) or text_of(own) in values.texts:
        axis.axvline(place(text_of(own)), color=GREY, linestyle="--", linewidth=1)
    axis.set_title(path, fontsize=10)


def _scale(axis: Axes, values: Range) -> None:
    """All of a range, with few ticks: those of a short logarithmic axis overlap."""
    low, high = values.low, values.high
    margin = 0.04
    if values.is_log:
        axis.set_xscale("log")
        ticks = np.geomspace(low, high, 3)
        axis.set_xlim(low * (low / high) ** margin, high * (high / low) ** margin)
    else:
        ticks = np.linspace(low, high, 5)
        axis.set_xlim(low - margin * (high - low), high + margin * (high - low))
    axis.set_xticks(ticks, [f"{tick:.3g}" for tick in ticks], fontsize=8)
    axis.set_xticks([], minor=True)


def _scatter(axis, rows, places):
    """A mark a trial; one that failed has no AP and stands at 0."""
    tidy(axis)
    for state, look in _LOOKS.items():
        here = [(x, max(row.mask_ap, 0.0)) for x, row in zip(places, rows) if row.state == state]
        if here:
            axis.scatter(*zip(*here), zorder=2, s=26, clip_on=False, **look)
    axis.set_ylim(0, max([0.05, *(1.1 * row.mask_ap for row in rows)]))


def _mark_best(axis, rows, place_of):
    best = best_of(rows)
    if best:
        mark = {"s": 40, "color": ORANGE, "zorder": 3, "clip_on": False, "label": "best"}
        axis.scatter(place_of(best), best.mask_ap, **mark)
