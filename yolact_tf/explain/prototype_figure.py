"""Prototypes over images, as in the paper (YOLACT §5, figure 5), and the masks that become of them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import PowerNorm

from yolact_tf.detect.detections import Detections
from yolact_tf.draw.instances import color_of, resize, scaled_size
from yolact_tf.explain.figures import (
    ADDS,
    LIFT,
    PLAIN,
    SIGNED,
    SUBTRACTS,
    WIDTH,
    below_one_another,
    font_of,
    new_figure,
    outline,
    picture_of,
    show_image,
    show_map,
)
from yolact_tf.explain.mask_sums import MaskSums, prototypes_of, sum_up

_PER_ROW = 8  # prototypes of one image
_PER_STRIP = 16  # prototypes of several images, each a row
_LETTERS = 14  # of a name above a narrow image
_SIDE = 640  # pixels of the longer side of an image, at most


def prototype_figure(
    images: Sequence[np.ndarray], found: Sequence[Detections], names: Sequence[str]
) -> np.ndarray:
    """[H, W, 3] uint8 picture: the K prototypes over each image, then how each detection's mask is added up.

    images: [h, w, 3] uint8 RGB.  found: their Detections with prototypes, ValueError without; every one is
    shown, so `above` chooses.  names: what the images are called, where there are several: those stand below
    one another, so that each column is one prototype as different images see it.
    """
    maps = [prototypes_of(one)[0] for one in found]
    small = [_at_most(image) for image in images]
    if len(images) == 1:
        names = [""]
        parts = [_prototypes_of_one(small[0], found[0], maps[0])]
    else:
        parts = [_prototypes_of_several(small, maps, names)]
    for image, one, name in zip(small, found, names, strict=True):
        if not len(one):
            parts.append(_nothing_found(name))
        for index in range(len(one)):
            parts.append(_detection(image, one, index, name))
    return below_one_another(parts)


def _at_most(image):
    """The image, scaled down where its longer side is over _SIDE pixels."""
    size = image.shape[:2]
    return resize(image, scaled_size(size, min(_SIDE, max(size))))


def _aspect(image):
    """Height over width that a figure leaves room for."""
    return min(max(image.shape[0] / image.shape[1], 0.4), 2.0)


def _prototypes_of_one(image, found, maps):
    num_prototypes = maps.shape[2]
    rows = -(-num_prototypes // _PER_ROW)
    title = (
        f"{num_prototypes} prototypes: maps of the whole image, the same for every object in it. "
        "Red is where a map is large; its largest value stands above it."
    )
    figure = new_figure(rows * (9.4 / _PER_ROW * _aspect(image) + 0.3) + 0.8, title)
    left, right = figure.subfigures(1, 2, width_ratios=(3.2, 10.8))
    axis = left.subplots()
    show_image(axis, image, "what was found")
    _draw_boxes(axis, image, found)
    axes = right.subplots(rows, _PER_ROW, squeeze=False)
    drawn = _draw_prototypes(axes, maps, image, _scale([maps]))
    right.colorbar(drawn, ax=axes, label="value", shrink=0.7, aspect=30)
    return picture_of(figure)


def _prototypes_of_several(images, maps, names):
    """Images below one another, their prototypes beside them, at most _PER_STRIP side by side."""
    num_prototypes = min(of_image.shape[2] for of_image in maps)
    strips = [range(at, min(at + _PER_STRIP, num_prototypes)) for at in range(0, num_prototypes, _PER_STRIP)]
    columns = len(strips[0]) + 1
    title = (
        f"{num_prototypes} prototypes of {len(images)} images: each column is one prototype. What it lights "
        "up everywhere is what it stands for: one side of objects, their outlines, the background …"
    )
    rows = len(strips) * len(images)
    figure = new_figure(rows * (WIDTH / columns + 0.1) + 0.8, title)
    axes = figure.subplots(rows, columns, squeeze=False)
    scale = _scale(maps)
    for number, (strip, image) in enumerate((s, i) for s in strips for i in range(len(images))):
        show_image(axes[number, 0], images[image])
        axes[number, 0].set_title(names[image][:_LETTERS], fontsize=8, loc="left", **font_of(names[image]))
        for axis in axes[number, 1:]:
            axis.set_axis_off()
        for axis, k in zip(axes[number, 1:], strip):
            title = str(k) if image == 0 else ""
            drawn = show_map(axis, maps[image][..., k], images[image], title, cmap=PLAIN, norm=scale)
    figure.colorbar(drawn, ax=axes, label="value", shrink=0.5, aspect=40, pad=0.01)
    return picture_of(figure)


def _scale(maps):
    """One scale of colours for all maps, so that an idle one looks idle."""
    return PowerNorm(LIFT, vmin=0, vmax=max(1e-6, *(float(of_image.max()) for of_image in maps)))


def _draw_prototypes(axes, prototypes, image, scale):
    for axis in axes.flat:
        axis.set_axis_off()
    for k in range(prototypes.shape[2]):
        values = prototypes[..., k]
        drawn = show_map(axes.flat[k], values, image, f"{k}: {values.max():.1f}", cmap=PLAIN, norm=scale)
    return drawn


def _draw_boxes(axis, image, found):
    for index in reversed(range(len(found))):
        x1, y1, *_ = _outline_object(axis, image, found, index)
        caption = _caption(found, index)
        box = {"facecolor": "white", "alpha": 0.8, "pad": 1, "edgecolor": "none"}
        axis.text(x1, y1, caption, fontsize=8, va="bottom", bbox=box, clip_on=True, **font_of(caption))


def _outline_object(axis, image, found, index):
    """Draws the box of a detection in the colour of its class; returns it, in pixels of the image."""
    box = _scaled_box(found, index, image)
    outline(axis, box, color=np.array(color_of(int(found.class_ids[index]))) / 255, linewidth=2)
    return box


def _scaled_box(found, index, image):
    height, width = found.image_size
    return found.boxes[index] * np.array([image.shape[1] / width, image.shape[0] / height] * 2)


def _caption(found, index):
    return f"{found.class_names[index]} {found.mask_scores[index]:.2f}"


def _nothing_found(name):
    figure = new_figure(0.5, f"{name}: nothing was found" if name else "Nothing was found.")
    return picture_of(figure)


def _detection(image, found, index, name):
    """The coefficients of one detection, and its mask as prototypes are added, whole and cropped."""
    steps = sum_up(found, index)
    where = f"{name}, " if name else ""
    title = (
        f"{where}{_caption(found, index)}: each prototype times the object's own coefficient, the largest "
        "first, added up; below, cropped to the box."
    )
    tile = 0.68 * WIDTH / len(steps.counts)
    figure = new_figure(2 * (tile * _aspect(image) + 0.3) + 1.0, title)
    left, right = figure.subfigures(1, 2, width_ratios=(1, 4))
    above, below = left.subplots(2, 1)
    show_image(above, image, "the object")
    _outline_object(above, image, found, index)
    _draw_coefficients(below, steps)
    axes = right.subplots(2, len(steps.counts), squeeze=False)
    for column, count in enumerate(steps.counts):
        step = f"{count} of {len(steps.order)}"
        for axis, values, crop in zip(axes[:, column], (steps.whole, steps.cropped), ("", ", cropped")):
            drawn = show_map(axis, values[column], image, step + crop, cmap=SIGNED, vmin=0, vmax=1)
            outline(axis, _scaled_box(found, index, image), linestyle=":")
    right.colorbar(drawn, ax=axes, label="probability of being the object", shrink=0.7, aspect=30)
    return picture_of(figure)


def _draw_coefficients(axis, steps: MaskSums):
    """A bar a prototype, in the order in which they are added."""
    places = np.arange(len(steps.order))
    colors = np.where(steps.coefficients > 0, ADDS, SUBTRACTS)
    axis.barh(places, steps.coefficients, color=colors, height=0.8)
    axis.set_yticks(places, steps.order, fontsize=min(8, 150 / len(places)))
    axis.invert_yaxis()
    axis.set_xlim(-1.05, 1.05)
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set_ylabel("prototype", fontsize=8)
    axis.set_title("coefficients: red adds, blue subtracts", fontsize=9)
    axis.tick_params(axis="x", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
