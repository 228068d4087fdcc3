"""Figures of matplotlib as pictures, and what they have in common: faint images beneath maps, class names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from yolact_tf.draw.charts import new_chart
from yolact_tf.draw.fonts import font_file
from yolact_tf.draw.instances import GAP

LIFT = 0.5  # power of colour scales that makes weak values of prototypes visible
WIDTH = 14.0  # inches of every figure, so that they can stand below one another
_DPI = 100
_INK = "#22262b"
# Where a sum is above 0 and where below; as maps of colours for matplotlib.
SIGNED, PLAIN = "RdBu_r", "Reds"
ADDS, SUBTRACTS = "#b2182b", "#2166ac"


def new_figure(height: float, title: str = "") -> Figure:
    """A figure WIDTH inches wide, with a title at its upper left."""
    figure = new_chart(WIDTH, height)
    figure.set_dpi(_DPI)
    if title:
        figure.suptitle(title, x=0.008, ha="left", fontsize=12, color=_INK, **font_of(title))
    return figure


def picture_of(figure: Figure) -> np.ndarray:
    """The figure as [H, W, 3] uint8 RGB."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[..., :3]


def below_one_another(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pictures, [h, w, 3] uint8, as one column on white."""
    width = max(picture.shape[1] for picture in pictures)
    return np.concatenate(
        [
            np.pad(picture, ((0, GAP), (0, width - picture.shape[1]), (0, 0)), constant_values=255)
            for picture in pictures
        ]
    )


def font_of(text: str) -> dict[str, Any]:
    """What tells matplotlib of a font with the letters of `text`, class names for instance."""
    file = font_file(text)
    return {"font": Path(file)} if file else {}


def show_image(axis: Any, image: np.ndarray, title: str = "") -> None:
    """Draws an image on an axis, without ticks."""
    axis.imshow(image)
    axis.set_axis_off()
    axis.set_title(title, fontsize=10, color=_INK, **font_of(title))


def show_map(axis: Any, values: np.ndarray, image: np.ndarray, title: str = "", **colors: Any) -> Any:
    """Draws a [Hp, Wp] map, stretched over a faint grey image; returns what a colour bar takes."""
    height, width = image.shape[:2]
    extent = (0, width, height, 0)
    axis.imshow(image.mean(axis=2), cmap="gray", vmin=-300, vmax=255, extent=extent)
    axis.set_axis_off()
    axis.set_title(title, fontsize=9, color=_INK)
    return axis.imshow(values, alpha=0.75, extent=extent, **colors)


def outline(axis: Any, box: np.ndarray, **style: Any) -> None:
    """Draws a box, corners in pixels of what the axis shows."""
    x1, y1, x2, y2 = (float(side) for side in box)
    lines = [x1, x2, x2, x1, x1], [y1, y1, y2, y2, y1]
    axis.plot(*lines, scalex=False, scaley=False, **{"color": "black", "linewidth": 1.2, **style})
