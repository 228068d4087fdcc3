"""Charts of precision, recall, F1 and calibration, of one model or of several side by side."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.axes import Axes

from yolact_tf.draw.charts import BLUE, GREY, ORANGE, font_of, new_chart, save_chart, tidy
from yolact_tf.draw.instances import color_of
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.calibration import BINS
from yolact_tf.evaluate.curves import RECALLS
from yolact_tf.files import PathLike
from yolact_tf.labels import distinct_names

_GRID = np.linspace(0, 1, 501)  # score thresholds
_MOST_NAMED = 12  # classes that a legend names
_IOUS = {0: "IoU .50", 5: "IoU .75", 8: "IoU .90"}  # places among COCO's thresholds
_HIGHEST = 8
_BLACK = "#222222"
_WIDEST = 6  # points of a line
_STYLES = ("-", "--", ":")
KIND_COLORS = {"boxes": BLUE, "masks": ORANGE}  # of a single model; of several, a model has one


def model_colors(models: Mapping[str, Analysis]) -> dict[str, str]:
    """{model: colour} in all charts that compare."""
    palette = matplotlib.colormaps["tab10"]
    return {name: matplotlib.colors.to_hex(palette(i % palette.N)) for i, name in enumerate(models)}


def draw_precision_recall(models: Mapping[str, Analysis], target: PathLike) -> None:
    """Writes precision over recall, the mean over classes, as a PNG; of a single model each class, too."""
    figure, axes = _two_panels()
    is_single = len(models) == 1
    for kind, axis in zip(("boxes", "masks"), axes, strict=True):
        for (name, analysis), look in zip(models.items(), _looks(models), strict=True):
            _draw_means(axis, analysis.kinds[kind], look, "" if is_single else f"{name}, ")
        if axis.lines:  # there are none without objects
            axis.legend(prop=font_of(models, 8), loc="lower left")
        if is_single:
            _draw_classes(axis, _class_curves(analysis.kinds[kind]), analysis.labels)
        _label(axis, kind, "recall", "precision")
    if is_single:
        _name_classes(figure, axes[0], analysis.labels)
    save_chart(figure, target)


def draw_f1(models: Mapping[str, Analysis], target: PathLike) -> None:
    """Writes F1 over the score threshold as a PNG; of a single model precision, recall and classes, too."""
    if len(models) == 1:
        (analysis,) = models.values()
        _draw_own_f1(analysis, target)
        return
    figure, axes = _two_panels()
    for kind, axis in zip(("boxes", "masks"), axes, strict=True):
        for (name, analysis), look in zip(models.items(), _looks(models), strict=True):
            found = analysis.kinds[kind]
            _draw_f1(axis, found, look, f"{name}{_best(found)}")
        _label(axis, f"F1, {kind}", "score threshold", "")
        axis.legend(prop=font_of(models, 8), loc="lower center")
    save_chart(figure, target)


def draw_calibration(models: Mapping[str, Analysis], target: PathLike) -> None:
    """Writes the share of right detections over their score as a PNG, above how many there are."""
    figure = new_chart(10, 5.4)
    axes = figure.subplots(2, 2, sharex=True, height_ratios=(3, 1))
    for kind, (above, below) in zip(("boxes", "masks"), axes.T, strict=True):
        colors = model_colors(models) if len(models) > 1 else dict.fromkeys(models, KIND_COLORS[kind])
        above.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        for place, ((name, analysis), look) in enumerate(zip(models.items(), _looks(models), strict=True)):
            found = analysis.kinds[kind].calibration
            label = f"{name}: error {found.error:.3f}" if len(models) > 1 else f"error {found.error:.3f}"
            look = {**look, "color": colors[name], "markersize": 4 + look["linewidth"]}
            above.plot(found.scores, found.precision, marker="o", label=label, **look)
            middles = (np.arange(BINS) + (place + 0.5) / len(models)) / BINS
            below.bar(middles, found.counts, 0.9 / BINS / len(models), color=colors[name])
        _label(above, f"how often a score is right, {kind}", "", "share that found an object")
        above.legend(prop=font_of(models, 8), loc="upper left")
        below.set_yscale("symlog", linthresh=1)
        below.set_xlabel("score")
        below.set_ylabel("detections")
        tidy(below)
    save_chart(figure, target)


def _draw_own_f1(analysis, target):
    figure = new_chart(13, 4.4)
    axes = figure.subplots(1, 3)
    for (kind, found), axis in zip(analysis.kinds.items(), axes[:2], strict=True):
        curve = found.curve.above(_GRID)
        axis.plot(_GRID, curve.precision, color=BLUE, label="precision")
        axis.plot(_GRID, curve.recall, color=ORANGE, label="recall")
        _draw_f1(axis, found, {"color": _BLACK, "linewidth": 2}, "F1")
        _label(axis, f"{kind}{_best(found)}", "score threshold", "")
        axis.legend(fontsize=8, loc="lower center", ncols=3)
    curves = [(_GRID, curve.above(_GRID).f1) for curve in analysis.masks.curves]
    _draw_classes(axes[2], curves, analysis.labels)
    _label(axes[2], "F1 by class, masks", "score threshold", "")
    _name_classes(figure, axes[2], analysis.labels)
    save_chart(figure, target)


def _draw_f1(axis, found, look, label):
    axis.plot(_GRID, found.curve.above(_GRID).f1, label=label, **look)
    if found.best:
        axis.plot([found.best.threshold], [found.best.f1], marker="o", **look)


def _best(found):
    """The largest F1, to be added to a title."""
    return f": F1 {found.best.f1:.3f} at {found.best.threshold:.3f}" if found.best else ""


def _two_panels():
    figure = new_chart(10, 4.6)
    return figure, figure.subplots(1, 2)


def _looks(models):
    """How the lines of each model are drawn: the first ones wider, to show below equal ones that follow."""
    colors = [_BLACK] if len(models) == 1 else list(model_colors(models).values())
    widths = np.linspace(min(2 * len(colors), _WIDEST), 2, len(colors))
    return [{"color": color, "linewidth": width} for color, width in zip(colors, widths, strict=True)]


def _class_curves(found):
    """(recalls, precision at an IoU of .5) of each class."""
    return [(RECALLS, found.coco.precision[0, :, rank, 0]) for rank in range(len(found.num_objects))]


def _draw_classes(axis, curves, labels):
    """Thin lines of the classes, in their colours."""
    style = {"linewidth": 1.2, "alpha": 1 if len(labels) <= _MOST_NAMED else 0.3}
    for (x, y), category, name in zip(curves, labels, distinct_names(labels), strict=True):
        color = np.array(color_of(category)) / 255
        axis.plot(x, np.where(y < 0, np.nan, y), color=color, label=name, **style)


def _name_classes(figure, axis, labels):
    """A legend of the classes that an axis shows, below all, where they are few."""
    names = distinct_names(labels)
    if len(names) <= _MOST_NAMED:
        lines = [line for line in axis.lines if line.get_label() in names]
        figure.legend(handles=lines, prop=font_of(names, 8), loc="outside lower center", ncols=6)


def _draw_means(axis, found, look, before):
    """The mean over classes at some IoUs; fewer of several models, which `before` names."""
    for (place, iou), style in zip(_IOUS.items(), _STYLES, strict=True):
        precision = found.coco.precision[place, :, :, 0]
        precision = precision[:, precision[0] > -1]
        if precision.size and not (before and place == _HIGHEST):
            mean = precision.mean(1)
            label = f"{before}{iou}: AP {mean.mean():.3f}"
            axis.plot(RECALLS, mean, linestyle=style, label=label, **look)


def _label(axis: Axes, title, x, y):
    axis.set_title(title, fontsize=11)
    axis.set_xlabel(x)
    axis.set_ylabel(y)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.05)
    tidy(axis)
