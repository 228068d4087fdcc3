"""AnchorMatches as a picture: who learns what by level and shape, whom nobody fits, and examples."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import ScalarFormatter

from yolact_tf.draw.charts import BLUE, ORANGE
from yolact_tf.explain.anchor_matches import AnchorMatches
from yolact_tf.explain.figures import WIDTH, below_one_another, new_figure, outline, picture_of, show_image

_LEVELS = ("P3", "P4", "P5", "P6", "P7")
_LEVEL_COLORS = ("#1f77b4", "#2ca02c", "#c79a00", "#ff7f0e", "#d62728")
_BINS = 24  # of the size of objects
_MOST_NEUTRALS = 150  # drawn of an image
_PER_ROW = 3  # examples


def draw_anchor_matches(found: AnchorMatches) -> np.ndarray:
    """[H, W, 3] uint8 picture of AnchorMatches."""
    return below_one_another([_numbers(found), _examples(found)])


def _numbers(found):
    figure = new_figure(5.4, _rule(found))
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    _draw_table(left, found)
    _draw_sizes(right, found)
    return picture_of(figure)


def _rule(found):
    """Two lines that say who learns whom, and how many objects nothing fits."""
    loss, num_own = found.config.loss, found.num_own
    count = int((num_own == 0).sum())
    missed = (
        f"Of {len(num_own)} objects in {len(found.images)} images, {count} have no such anchor:\n"
        "the one that comes closest is forced to learn them."
    )
    return (
        f"An anchor learns an object that it overlaps with an IoU of {loss.positive_iou:g} or more. {missed} "
        f"From {loss.negative_iou:g} to {loss.positive_iou:g} an anchor is neutral and learns nothing."
    )


def _draw_table(axis, found):
    """Levels down, shapes across: the share of all positive anchors, and how many."""
    positives, neutrals, shapes = found.positives, found.neutrals, found.shapes
    share = positives / max(positives.sum(), 1)
    axis.imshow(share, cmap="Blues", vmin=0, vmax=max(share.max(), 1e-6) * 1.7, aspect="auto")
    size = 9 if shapes.shape[1] <= 4 else 6
    for level, shape in np.ndindex(share.shape):
        width, height = shapes[level, shape]
        text = (
            f"{width:.0f} x {height:.0f} px\n{positives[level, shape]} positive\n"
            f"{neutrals[level, shape]} neutral"
        )
        axis.text(shape, level, text, ha="center", va="center", fontsize=size)
    axis.set_yticks(range(len(_LEVELS)), _LEVELS)
    for label, color in zip(axis.get_yticklabels(), _LEVEL_COLORS):
        label.set(color=color, fontweight="bold")
    axis.set_xticks(range(shapes.shape[1]), [f"shape {i + 1}" for i in range(shapes.shape[1])])
    axis.set_title("anchors by level and shape; the bluer, the more of the learning", fontsize=10)


def _draw_sizes(axis, found):
    """Objects by size: those that anchors overlap enough, and those that are missed."""
    sides, is_missed = found.sides, found.num_own == 0
    axis.set_title("objects by size", fontsize=10)
    axis.set_xlabel(f"side of the object, in pixels of a {found.config.data.image_size} px input")
    axis.set_ylabel("objects")
    axis.spines[["top", "right"]].set_visible(False)
    if not len(sides):
        return
    own = np.sqrt(found.shapes.prod(2))  # [5, a] sides of anchors
    edges = np.geomspace(min(sides.min(), own.min()) / 1.1, max(sides.max(), own.max()) * 1.1, _BINS)
    labels = [f"an anchor {found.fit}", "missed: one is forced"]
    parts = [sides[~is_missed], sides[is_missed]]
    axis.hist(parts, edges, stacked=True, color=[BLUE, ORANGE], label=labels)
    axis.set_ylim(0, 1.3 * axis.get_ylim()[1])
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    for level, color in enumerate(_LEVEL_COLORS):
        for number, side in enumerate(own[level]):
            label = f"anchors of {_LEVELS[level]}" if number == 0 else None
            axis.axvline(side, color=color, linewidth=1.2, label=label)
    axis.legend(fontsize=8, loc="upper right", ncols=2, framealpha=1)


def _examples(found):
    rows = -(-len(found.examples) // _PER_ROW)
    is_any_missed = any(image.is_missed.any() for _, image in found.examples)
    heading = "The images with the most missed objects" if is_any_missed else "Images without a missed object"
    figure = new_figure(rows * (WIDTH / _PER_ROW) + 0.9, heading)
    axes = figure.subplots(rows, _PER_ROW, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (pixels, image) in zip(axes.flat, found.examples):
        missed, count = int(image.is_missed.sum()), len(image.objects)
        title = f"{len(image.positives)} positive anchors for {count} objects, {missed} of them missed"
        show_image(axis, pixels, title)
        _draw_matches(axis, found, image)
    lines = [Line2D([], [], color="white", linewidth=2.5, label="object")]
    lines += [Line2D([], [], color=c, label=f"positive, {n}") for n, c in zip(_LEVELS, _LEVEL_COLORS)]
    lines.append(Line2D([], [], color="black", linestyle="--", label="forced, of a missed object"))
    lines.append(Line2D([], [], color="#bbbbbb", linewidth=0.6, label="neutral"))
    figure.legend(
        handles=lines, loc="outside lower center", ncols=len(lines), fontsize=9, facecolor="#777777"
    )
    return picture_of(figure)


def _draw_matches(axis, found, image):
    size = found.config.data.image_size
    step = -(-max(len(image.neutrals), 1) // _MOST_NEUTRALS)
    for anchor in image.neutrals[::step]:
        outline(axis, found.anchors[anchor] * size, color="#bbbbbb", linewidth=0.6)
    for box in image.objects:
        outline(axis, box * size, color="white", linewidth=2.5)
    levels = found.level_of(image.positives)
    for anchor, level, is_forced in zip(image.positives, levels, image.is_forced):
        style = {"linestyle": "--", "linewidth": 1.6} if is_forced else {"linewidth": 0.8}
        outline(axis, found.anchors[anchor] * size, color=_LEVEL_COLORS[level], **style)
