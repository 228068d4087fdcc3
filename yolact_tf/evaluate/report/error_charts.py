"""Charts of what goes wrong: kinds of errors, and classes taken for others."""

from collections.abc import Mapping

import numpy as np

from yolact_tf.draw.charts import font_of, new_chart, save_chart, tidy
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.error_split import KINDS, MISSED
from yolact_tf.evaluate.report.curve_charts import KIND_COLORS, model_colors
from yolact_tf.files import PathLike
from yolact_tf.labels import distinct_names

MOST_NUMBERED = 16  # classes whose cells have room for a number


def draw_errors(models: Mapping[str, Analysis], target: PathLike) -> None:
    """Writes the AP50 that each kind of error costs as a PNG: of a single model boxes beside masks."""
    bars = {
        (model, kind): [found.errors.gains[name] for name in (*KINDS, MISSED)]
        for model, analysis in models.items()
        for kind, found in analysis.kinds.items()
    }
    figure = new_chart(10, 3.8)
    if len(models) == 1:
        panels = {"": {kind: values for (_, kind), values in bars.items()}}
        colors = KIND_COLORS
    else:
        panels = {kind: {model: bars[model, kind] for model in models} for kind in ("boxes", "masks")}
        colors = model_colors(models)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, groups) in zip(axes, panels.items(), strict=True):
        _draw_bars(axis, groups, colors)
        axis.set_title(f"AP50 gained by mending one kind of error{title and f', {title}'}", fontsize=11)
    save_chart(figure, target)


def draw_confusion(matrix: np.ndarray, labels: dict[int, str], target: PathLike) -> None:
    """Writes a confusion matrix, [C + 1, C + 1] with background last, as a PNG: shares of each row.

    Classes without objects and detections are left out.
    """
    names = np.array([*distinct_names(labels), "background"])
    occurs = matrix.any(0) | matrix.any(1) | (names == names[-1])
    names, matrix = names[occurs], matrix[np.ix_(occurs, occurs)]
    count = len(names)
    side = min(15.0, 3 + 0.55 * count if count <= MOST_NUMBERED else 5 + 0.2 * count)
    figure = new_chart(side + 1, side)
    axis = figure.subplots()
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 10 if count <= MOST_NUMBERED else min(8, 650 / count)
    font = font_of(names, size)
    axis.set_xticks(range(count), names, rotation=90, fontproperties=font)
    axis.set_yticks(range(count), names, fontproperties=font)
    axis.set_xlabel("detected as")
    axis.set_ylabel("truth")
    if count <= MOST_NUMBERED:
        for (row, column), number in np.ndenumerate(matrix):
            if number:
                color = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, f"{number}", ha="center", va="center", fontsize=size, color=color)
    figure.colorbar(image, ax=axis, shrink=0.6, label="share of the row")
    save_chart(figure, target)


def _draw_bars(axis, groups, colors):
    """Grouped bars, one group a kind of error. groups: name -> gains."""
    width = 0.8 / len(groups)
    for number, (name, gains) in enumerate(groups.items()):
        places = np.arange(len(gains)) + (number - (len(groups) - 1) / 2) * width
        bars = axis.bar(places, gains, 0.95 * width, color=colors[name], label=name)
        texts = [f"{gain:.3f}".removeprefix("0") for gain in gains]
        # Side by side there is no room for those of several models.
        axis.bar_label(bars, texts, fontsize=7, padding=2, rotation=90 if len(groups) > 2 else 0)
    axis.set_xticks(range(len(KINDS) + 1), (*KINDS, MISSED), fontsize=8)
    room = 1.15 + 0.07 * len(groups)  # for the legend
    axis.set_ylim(0, max(0.01, *(room * max(gains) for gains in groups.values()), axis.get_ylim()[1]))
    axis.legend(prop=font_of(groups, 8))
    tidy(axis)
