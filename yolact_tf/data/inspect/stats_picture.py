"""The numbers of `statistics` as one picture of six charts."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator, ScalarFormatter

from yolact_tf.data.inspect.anchor_fit import RECALL_IOU, SIZE_BINS
from yolact_tf.draw.charts import BLUE, GREY, ORANGE, new_chart, save_chart
from yolact_tf.draw.fonts import font_file
from yolact_tf.files import PathLike

if TYPE_CHECKING:  # it starts TensorFlow
    from yolact_tf.data.inspect.stats import Statistics

_MOST_CLASSES = 24  # bars that stay legible


def draw_statistics(statistics: "Statistics", path: PathLike) -> None:
    """Writes the charts of a Statistics as a PNG: classes, sizes, shapes, crowding, anchor recall."""
    figure = new_chart(15, 8.5)
    axes = figure.subplots(2, 3)
    _draw_classes(axes[0, 0], statistics)
    _draw_sides(axes[0, 1], statistics)
    _draw_aspects(axes[0, 2], statistics)
    _draw_objects_per_image(axes[1, 0], statistics)
    _draw_shares(axes[1, 1], statistics)
    _draw_recall(axes[1, 2], statistics)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    save_chart(figure, path)


def _draw_classes(axis, statistics):
    counts = sorted(statistics.class_counts.items(), key=lambda item: -item[1])
    shown = counts[:_MOST_CLASSES]
    axis.barh([name for name, _ in shown], [count for _, count in shown], color=BLUE)
    axis.invert_yaxis()
    if file := font_file("".join(name for name, _ in shown)):
        axis.set_yticks(range(len(shown)), [name for name, _ in shown], font=Path(file))
    axis.tick_params(axis="y", labelsize=10 if len(shown) <= 12 else 7)
    rest = f", {len(shown)} of {len(counts)} classes shown" if len(shown) < len(counts) else ""
    axis.set_title(f"{statistics.num_objects} objects{rest}")
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _draw_sides(axis, statistics):
    sides = statistics.sides
    sizes = (*statistics.anchors.sizes, *statistics.better_anchors.sizes)
    low, high = min([*sides, *sizes]) / 1.1, max([*sides, *sizes]) * 1.1
    tallest = axis.hist(sides, np.geomspace(low, high, 40), color=BLUE)[0].max()
    axis.set_ylim(0, 1.25 * max(tallest, 1))  # room for the legend
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    for number, (fit, color, style, name) in enumerate(_fits(statistics)):
        for size in fit.sizes:
            label = f"anchors of {name}" if size == fit.sizes[0] else None
            axis.axvline(size, color=color, linestyle=style, linewidth=1.6 - 0.4 * number, label=label)
    axis.legend(fontsize=8)
    axis.set_title(f"side of a box, in pixels of a {statistics.image_size} px input")


def _draw_aspects(axis, statistics):
    aspects = statistics.aspects
    farthest = max(2.0, *np.abs(np.log2(aspects)), 0) if len(aspects) else 2.0
    axis.hist(aspects, np.exp2(np.linspace(-farthest, farthest, 41)), color=BLUE)
    axis.set_xscale("log", base=2)
    ticks = np.exp2(np.arange(-int(farthest), int(farthest) + 1))
    axis.set_xticks(ticks, [f"{t:g}" if t >= 1 else f"1/{1 / t:g}" for t in ticks])
    axis.set_title("width / height of a box")


def _draw_objects_per_image(axis, statistics):
    counts = statistics.objects_per_image
    most = int(counts.max())
    width = -(-(most + 1) // 40)  # whole numbers of objects a bar
    axis.hist(counts, np.arange(0, most + 1 + width, width) - 0.5, color=BLUE)
    axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    crowds = f", {statistics.num_crowds} crowds" if statistics.num_crowds else ""
    axis.set_title(f"objects an image: {counts.mean():.1f} in {statistics.num_images} images{crowds}")


def _draw_shares(axis, statistics):
    names = [f"{name}\n{_range(*SIZE_BINS[name])}" for name in statistics.size_shares]
    shares = [100 * max(share, 0) for share in statistics.size_shares.values()]
    bars = axis.bar(names, shares, color=BLUE, width=0.6)
    axis.bar_label(bars, fmt="%.0f %%")
    axis.set_ylim(0, 110)
    axis.set_title("objects by side, %")


def _draw_recall(axis, statistics):
    names = list(statistics.anchors.recall)
    fits = _fits(statistics)
    width = 0.8 / len(fits)
    for number, (fit, color, _, name) in enumerate(fits):
        places = np.arange(len(names)) + (number - (len(fits) - 1) / 2) * width
        values = [100 * max(fit.recall[n], 0) for n in names]
        bars = axis.bar(places, values, width, color=color, label=f"{name}: {_sizes(fit)}")
        axis.bar_label(bars, [f"{v:.0f}" if fit.recall[n] >= 0 else "–" for n, v in zip(names, values)])
    axis.set_xticks(range(len(names)), names)
    axis.set_ylim(0, 135)
    axis.set_yticks(range(0, 101, 20))
    axis.legend(fontsize=8, loc="upper center")
    axis.set_title(f"objects that an anchor meets with IoU {RECALL_IOU:g}, %")


def _fits(statistics):
    """(fit, colour, line style, name) of the recipe's anchors and of better ones, where there are any."""
    fits = [(statistics.anchors, GREY, "-", "the recipe")]
    if statistics.better_anchors.sizes != statistics.anchors.sizes:
        fits.append((statistics.better_anchors, ORANGE, "--", "the suggestion"))
    return fits


def _range(low, high):
    return f"{low:g} px and more" if np.isinf(high) else f"{low:g} to {high:g} px"


def _sizes(fit):
    return ", ".join(f"{size:g}" for size in fit.sizes)
