"""A CropBySize as a picture: numbers by size, and an ordinary object of each."""

import numpy as np
from matplotlib.ticker import ScalarFormatter

from yolact_tf.detect.detector import Detector
from yolact_tf.draw.charts import BLUE, ORANGE
from yolact_tf.explain.figures import (
    below_one_another,
    font_of,
    new_figure,
    outline,
    picture_of,
    show_image,
)
from yolact_tf.explain.uncropped_masks import AP_NAMES, SIZES, CropBySize, FoundObject, without_crop

_CROPPED, _WHOLE, _COUNT = BLUE, ORANGE, "#c9ced6"
_BINS = 12  # of the size of objects
_FEWEST = 3  # objects that a point of a curve stands for


def draw_crop_by_size(found: CropBySize, detector: Detector) -> np.ndarray:
    """[H, W, 3] uint8 picture; the detector sees the images of the examples once more."""
    parts = [_numbers(found)]
    examples = [(name, _median(found.of_size(name))) for name in SIZES if found.of_size(name)]
    if examples:
        parts.append(_examples(examples, detector))
    return below_one_another(parts)


def _numbers(found):
    title = (
        "How well masks fit, cropped to their boxes and not. Where the two are alike, prototypes alone tell "
        "an object from its\nneighbours; where they are not, the box does. The paper found that large ones "
        "do without the crop."
    )
    figure = new_figure(5.2, title)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    _draw_curves(left, found)
    _draw_ap(right, found)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    return picture_of(figure)


def _draw_curves(axis, found):
    """Mean mask IoU over the size of objects, the number of objects in grey."""
    sides = np.array([one.side for one in found.objects])
    axis.set_title(f"{len(sides)} objects that were found, by size", fontsize=10)
    axis.set_xlabel("side of the object, root of its area in pixels")
    axis.set_ylabel("mean IoU of the mask")
    axis.set_ylim(0, 1.25)  # room for the legend
    axis.set_yticks(np.linspace(0, 1, 6))
    if not len(sides):
        return
    edges = np.geomspace(max(sides.min() * 0.99, 1.0), max(sides.max() * 1.01, 2.0), _BINS + 1)
    counts = axis.twinx()
    counts.hist(sides, edges, color=_COUNT)
    counts.set_ylabel("objects (grey)")
    counts.spines[["top"]].set_visible(False)
    counts.set_ylim(0, 3 * counts.get_ylim()[1])  # beneath the curves
    axis.set_zorder(counts.get_zorder() + 1)
    axis.patch.set_visible(False)
    bins = np.digitize(sides, edges) - 1
    used = [b for b in range(_BINS) if (bins == b).sum() >= _FEWEST]
    for name, color, values in (
        ("with the crop", _CROPPED, [one.cropped_iou for one in found.objects]),
        ("without", _WHOLE, [one.whole_iou for one in found.objects]),
    ):
        means = [np.array(values)[bins == b].mean() for b in used]
        axis.plot(np.sqrt(edges[:-1] * edges[1:])[used], means, marker="o", color=color, label=name)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter(ScalarFormatter())
    for name, (low, _) in SIZES.items():
        if edges[0] < low < edges[-1]:
            axis.axvline(low, color="black", linewidth=0.8, linestyle=":")
            axis.text(low * 1.03, 1.04, f"{name} →", fontsize=9)
    axis.legend(loc="upper left", ncols=2)


def _draw_ap(axis, found):
    """AP of masks by COCO's sizes."""
    places = np.arange(len(AP_NAMES))
    for shift, name, color, ap in (
        (-0.2, "with the crop", _CROPPED, found.cropped_ap),
        (0.2, "without", _WHOLE, found.whole_ap),
    ):
        values = [max(ap[size], 0.0) for size in AP_NAMES]
        bars = axis.bar(places + shift, values, 0.4, color=color, label=name)
        axis.bar_label(bars, [f"{ap[size]:.2f}" if ap[size] >= 0 else "–" for size in AP_NAMES])
    axis.set_xticks(places, AP_NAMES)
    axis.set_ylim(0, 1.25)
    axis.set_yticks(np.linspace(0, 1, 6))
    axis.set_title("AP of masks, all objects", fontsize=10)
    axis.legend(loc="upper left", ncols=2)


def _median(objects: list[FoundObject]):
    """The object whose mask without crop is neither among the better nor among the worse."""
    return sorted(objects, key=lambda one: one.whole_iou)[len(objects) // 2]


def _examples(examples, detector):
    figure = new_figure(len(examples) * 4.3 + 0.6, "An ordinary object of each size: the median without crop")
    axes = figure.subplots(len(examples), 3, squeeze=False)
    for line, (size, one) in zip(axes, examples):
        image = one.record.read_image()
        found = detector(image)[one.detection : one.detection + 1]
        caption = f"{size}: {found.class_names[0]}, {one.side:.0f} px"
        shown = {
            caption: image,
            f"with the crop: IoU {one.cropped_iou:.2f}": found.draw(image),
            f"without: IoU {one.whole_iou:.2f}": without_crop(found).draw(image),
        }
        for axis, (title, picture) in zip(line, shown.items()):
            show_image(axis, picture, title)
            axis.set_title(title, fontsize=10, **font_of(title))
        outline(line[0], found.boxes[0], color="white", linestyle="--")
    return picture_of(figure)
