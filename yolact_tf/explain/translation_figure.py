"""A Translation as a picture: a row an input, a column a prototype."""

import numpy as np
from matplotlib.colors import PowerNorm

from yolact_tf.explain.figures import LIFT, WIDTH, new_figure, picture_of, show_image
from yolact_tf.explain.translation import COLORS, Translation

_COLUMNS = 8  # prototypes shown


def draw_translation(found: Translation, most: int = _COLUMNS) -> np.ndarray:
    """[H, W, 3] uint8 picture of the `most` prototypes that are the least even on plain grey."""
    order = np.argsort(-found.unevenness, kind="stable")
    shown = [k for k in order if not found.is_idle[k]][:most]
    rows = _rows(found)
    tile = WIDTH / (len(shown) + 1)
    title = (
        "A plain colour looks the same everywhere, yet its prototypes are not flat: the zeros that padding "
        "puts around every map\nare all that tells the network where it is. So it can know left from right, "
        "and keep two alike objects apart. Bright is large."
    )
    figure = new_figure(len(rows) * (tile + 0.12) + 1.3, title)
    axes = figure.subplots(len(rows), len(shown) + 1, squeeze=False)
    largest = [max(float(maps[..., k].max()) for _, maps, _ in rows) for k in shown]
    for line, (image, maps, label) in zip(axes, rows):
        show_image(line[0], image, label)
        for axis, k, high in zip(line[1:], shown, largest):
            scale = PowerNorm(LIFT, vmin=0, vmax=max(high, 1e-6))
            axis.imshow(maps[..., k], cmap="viridis", norm=scale)
            axis.set_axis_off()
    sides = found.bright_sides
    for axis, k in zip(axes[0, 1:], shown):
        side = f", {sides[k]}" if sides[k] else ""
        axis.set_title(f"prototype {k}\n{found.unevenness[k]:.0%} uneven{side}", fontsize=9)
    return picture_of(figure)


def _rows(found):
    """[(image, its prototypes, what stands beside them)] from top to bottom."""
    rows = []
    for name, image in found.images.items():
        label = f"plain {name}" if name in COLORS else f"an object, {name}"
        rows.append((image, found.prototypes[name], label))
        if name == "grey" and found.control is not None:
            rows.append((image, found.control, "the same,\nwithout padding"))
    return rows
