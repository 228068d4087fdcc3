"""Charts of a run: how losses, AP, rate and speed went, and the learning rate that is planned."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from yolact_tf.draw.charts import BLUE, ORANGE, new_chart, save_chart, tidy
from yolact_tf.files import PathLike
from yolact_tf.structures import Tensor
from yolact_tf.train.watch.run_log import read_log

_COLUMNS = 4


def draw_results(log: Path, target: PathLike) -> None:
    """Writes losses, AP, learning rate and speed of a log.csv as one PNG."""
    columns = read_log(log)
    epochs = np.array(columns["epoch"]) + 1
    panels = _panels(columns)
    rows = -(-len(panels) // _COLUMNS)
    figure = new_chart(14, 3 * rows)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axis, (title, curves) in zip(axes.flat, panels.items()):
        for (label, name), color in zip(curves.items(), (BLUE, ORANGE)):
            values = np.array(columns[name])
            known = np.isfinite(values) & (values >= 0)  # an AP of -1 is none
            axis.plot(epochs[known], values[known], marker=".", color=color, label=label)
        if len(curves) > 1:
            axis.legend(fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("epoch", fontsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        tidy(axis)
        axis.set_ylim(0, axis.get_ylim()[1])
    for axis in axes.flat[len(panels) :]:
        axis.remove()
    save_chart(figure, target)


def draw_learning_rate(
    schedule: Callable[[np.ndarray], Tensor], total_steps: float, steps_per_epoch: int, target: PathLike
) -> None:
    """Writes the learning rate over the steps of a run as a PNG.

    schedule: steps as a float array to rates.  steps_per_epoch: where the upper axis counts on.
    """
    steps = np.linspace(0, total_steps, 2001)
    rates = np.asarray(schedule(steps.astype(np.float32)))
    figure = new_chart(8, 4)
    axis = figure.subplots()
    axis.plot(steps, rates, color=BLUE)
    axis.set_xlabel("step")
    axis.set_ylabel("learning rate")
    axis.set_xlim(0, total_steps)
    tidy(axis)
    if rates.min() > 0 and rates.max() > 50 * rates.min():  # steps of a factor; a cosine ends at 0
        axis.set_yscale("log")
    else:
        axis.set_ylim(0, axis.get_ylim()[1])
        axis.yaxis.set_major_formatter("{x:g}")
    by_epoch = (lambda step: step / steps_per_epoch, lambda epoch: epoch * steps_per_epoch)
    above = axis.secondary_xaxis("top", functions=by_epoch)
    above.set_xlabel("epoch")
    above.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    save_chart(figure, target)


def _panels(columns):
    """{title: {label: column}}: the sum of the losses, each of them, AP, learning rate and speed."""
    parts = sorted(name for name in columns if name.endswith("_loss"))
    panels = {name.replace("_", " "): {name: name} for name in ("loss", *parts)}
    panels["AP on the validation images"] = {"boxes": "val_box_AP", "masks": "val_mask_AP"}
    panels["learning rate"] = {"": "learning_rate"}
    panels["images a second"] = {"": "images_per_second"}
    return {title: curves for title, curves in panels.items() if set(curves.values()) <= set(columns)}
