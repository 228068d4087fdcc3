"""Masks as polygons: each connected part with its holes, along the border of its pixels."""

import itertools
from collections.abc import Iterator
from typing import NamedTuple, Self

import contourpy
import numpy as np

from yolact_tf.mask_windows import Window


class Polygon(NamedTuple):
    """One part of a mask. Points are x, y in pixels; pixel (x, y) is the square up to (x + 1, y + 1)."""

    outline: np.ndarray  # [m, 2] float64, not closed
    holes: tuple[np.ndarray, ...] = ()  # [k, 2] each, the other way round

    def simplified(self, tolerance: float) -> Self:
        """The same with fewer points, no border farther than `tolerance` pixels from where it was."""
        outline, *holes = (_simplified(ring, tolerance) for ring in (self.outline, *self.holes))
        return self._replace(outline=outline, holes=tuple(holes))


def polygons_of(window: Window) -> list[Polygon]:
    """The parts of a mask, none for an empty one.

    Lines run halfway between the centres of pixels inside and outside: what has its centre in a polygon is a
    pixel of the mask, and no other.
    """
    y, x, mask = window
    padded = np.pad(mask, 1).astype(np.float32)
    generator = contourpy.contour_generator(z=padded, fill_type=contourpy.FillType.OuterOffset)
    offset = np.array([x - 0.5, y - 0.5])
    return [Polygon(*_rings(points + offset, ends)) for points, ends in zip(*generator.filled(0.5, 2.0))]


def _rings(points, ends):
    """(outline, holes) of points of which each ring repeats its first as its last."""
    outline, *holes = (points[start : end - 1] for start, end in itertools.pairwise(ends))
    return outline, tuple(holes)


def _simplified(ring: np.ndarray, tolerance: float) -> np.ndarray:
    """A ring after Douglas and Peucker; itself where hardly any of it would be left."""
    far = int(((ring - ring[0]) ** 2).sum(1).argmax())
    closed = np.concatenate([ring, ring[:1]])
    kept = {0, far, *_indispensable(closed, [(0, far), (far, len(ring))], tolerance)}
    return ring[sorted(kept)] if len(kept) > 2 else ring


def _indispensable(points: np.ndarray, spans: list[tuple[int, int]], tolerance: float) -> Iterator[int]:
    """Indices within spans of a line of those points without which it would stray beyond the tolerance."""
    while spans:
        start, end = spans.pop()
        if end - start < 2:
            continue
        base, between = points[end] - points[start], points[start + 1 : end] - points[start]
        along = (between @ base / max(base @ base, 1e-12)).clip(0, 1)
        distances = np.hypot(*(between - along[:, None] * base).T)
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            middle = start + 1 + farthest
            yield middle
            spans += [(start, middle), (middle, end)]
