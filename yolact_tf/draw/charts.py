"""What the charts of the package have in common."""

from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from yolact_tf.draw.fonts import font_file
from yolact_tf.files import PathLike, atomic_path

BLUE, ORANGE, GREY = "#1f5fa8", "#d9730d", "#8a8f98"


def new_chart(width: float, height: float) -> Figure:
    """An empty Figure of so many inches, whose parts make room for one another."""
    # No pyplot: a library should not choose the backend of whoever imports it.
    return Figure(figsize=(width, height), layout="constrained")


def tidy(axis: Axes) -> None:
    """A faint grid, and no frame above and on the right."""
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def font_of(names: Iterable[str], size: float) -> FontProperties:
    """A font of `size` points that has the letters of names."""
    return FontProperties(fname=font_file("".join(names)), size=size)


def save_chart(figure: Figure, target: PathLike) -> None:
    """Writes a Figure as PNG, whole or not at all."""
    with atomic_path(target, suffix=".png") as temporary:
        figure.savefig(temporary, dpi=110)
