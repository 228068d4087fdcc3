"""A Report as one picture: stages, percentiles, throughput, memory, and growth where it was measured."""

import os
from collections.abc import Sequence
from functools import partial
from itertools import accumulate

from yolact_tf.benchmark.growth import Growth
from yolact_tf.benchmark.memory import Memory
from yolact_tf.benchmark.report import ModelReport, Report
from yolact_tf.benchmark.stages import NETWORK, STAGES
from yolact_tf.draw.charts import BLUE, ORANGE, new_chart, save_chart
from yolact_tf.files import PathLike

_COLORS = dict(
    zip(STAGES, ("#9aa3ad", "#5aa9a3", BLUE, ORANGE, "#8e5ba6", "#3c8d40", "#c9a227"), strict=True)
)
_GREY = "#c3c8ce"
_LINES = (BLUE, ORANGE, "#3c8d40", "#8e5ba6", "#b03a48", "#5aa9a3", "#7a6a53", "#c9a227")
_LONGEST = 34  # letters of a name


def draw_report(report: Report, path: PathLike) -> None:
    """Writes the charts of a Report as a PNG."""
    names = _short([model.name for model in report.models])
    memories = [model.memory for model in report.models if model.memory]
    panels = [partial(_draw_throughput, report.batches, names)]
    panels += [partial(_draw_growth, growth, names) for growth in report.sweeps]
    if len(memories) == len(names):
        panels.append(partial(_draw_memory, memories, names))
    rows = -(-len(panels) // 2)
    tall = 2.6 + 0.5 * len(names)  # inches of what has a line a model
    figure = new_chart(14, tall + 4 * rows)
    grid = figure.add_gridspec(1 + rows, 2, height_ratios=[tall, *[4] * rows])
    _draw_stages(report.models, names, figure.add_subplot(grid[0, :]))
    for number, draw in enumerate(panels):
        draw(figure.add_subplot(grid[1 + number // 2, number % 2]))
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(_title(report), fontsize=10)
    save_chart(figure, path)


def _draw_stages(models: Sequence[ModelReport], names, axis):
    for row, model in enumerate(models):
        _draw_bar(axis, row, model.stages)
        _draw_percentiles(axis, row + 0.36, model.milliseconds)
        end = sum(part.milliseconds.p50 for part in model.stages)
        to_first = f", ×{model.of_first.median:.2f}" if len(models) > 1 else ""
        text = f"{model.milliseconds.p50:.1f} ms{to_first}"
        axis.annotate(text, (end, row), (6, 0), textcoords="offset points", va="center")
    axis.set_yticks(range(len(models)), names)
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds: medians; the lines end at the 50th, 90th and 99th percentile of the whole")
    axis.margins(x=0.14)
    axis.set_xlim(left=0)
    axis.set_title("one image, from the bytes of a file to a picture")
    handles, labels = axis.get_legend_handles_labels()
    once = dict(zip(labels, handles))
    axis.legend(once.values(), once, fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.22))


def _draw_bar(axis, row, stages):
    """The stages one after the other; hatched what cannot be told apart."""
    widths = [part.milliseconds.p50 for part in stages]
    for part, width, end in zip(stages, widths, accumulate(widths)):
        look = {"color": _COLORS[NETWORK if NETWORK in part.stages else part.stages[0]]}
        if len(part.stages) > 1:
            look["hatch"] = "///"
        axis.barh(row, width, 0.55, end - width, edgecolor="white", label=" + ".join(part.stages), **look)


def _draw_percentiles(axis, row, spread):
    axis.plot([spread.p50, spread.p90, spread.p99], [row] * 3, "|-", color="black", linewidth=1, markersize=5)


def _draw_throughput(batches: Growth, names, axis):
    for name, spreads, color in zip(names, batches.spreads, _cycled(len(names))):
        rates = [1000 * size / spread.p50 for size, spread in zip(batches.values, spreads)]
        axis.plot(batches.values, rates, marker="o", color=color, label=name)
    axis.set_title("images a second, decoded images to detections")
    _scale(axis, batches)


def _draw_growth(growth: Growth, names, axis):
    for name, spreads, color in zip(names, growth.spreads, _cycled(len(names))):
        axis.plot(growth.values, [s.p50 for s in spreads], marker="o", color=color, label=name)
        axis.fill_between(
            growth.values, [s.p50 for s in spreads], [s.p90 for s in spreads], color=color, alpha=0.15
        )
    axis.set_title(f"milliseconds of {growth.what} (median to 90th percentile)")
    _scale(axis, growth)


def _scale(axis, growth):
    axis.set_xscale("log", base=2)
    axis.set_xticks(growth.values, [str(value) for value in growth.values])
    axis.minorticks_off()
    axis.set_xlabel(growth.over)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)


def _draw_memory(memories: Sequence[Memory], names, axis):
    before = [memory.before_model / 2**20 for memory in memories]
    own = [memory.of_process / 2**20 - least for memory, least in zip(memories, before)]
    rows = range(len(memories))
    axis.barh(rows, before, height=0.55, color=_GREY, label="Python and its libraries")
    bars = axis.barh(rows, own, left=before, height=0.55, color=BLUE, label="the model, at work")
    axis.set_yticks(rows, names)
    axis.bar_label(bars, [f"{a + b:.0f} MiB" for a, b in zip(before, own)], padding=4)
    axis.invert_yaxis()
    axis.margins(x=0.2)
    axis.set_title("memory of a process with this model alone, at its peak")
    axis.set_xlabel("MiB")
    axis.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)


def _title(report):
    threads = max((model.threads or 0 for model in report.models), default=0)
    shown = f"{report.rounds} rounds of all models in turn, images: {len(report.images)}"
    return f"{report.machine['processor']}, {threads} threads, {shown}"


def _short(names):
    """Names without the folders before them, where they differ without."""
    last = [os.path.basename(os.path.normpath(name)) for name in names]
    shown = last if len(set(last)) == len(set(names)) else names
    return [f"…{name[-_LONGEST:]}" if len(name) > _LONGEST else name for name in shown]


def _cycled(count):
    return [_LINES[number % len(_LINES)] for number in range(count)]
