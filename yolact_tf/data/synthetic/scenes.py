"""Arranges random shapes, back to front, so that enough of each stays visible to tell its class.

Lengths are pixels.  G is the number of objects, H W the image, h w the patch that holds one object.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

MIN_SIDE = 16  # pixels; every class can still be told apart
MIN_VISIBLE_SHARE, MIN_VISIBLE_PIXELS = 0.6, 40  # less than this of an object tells nobody its class
NEIGHBOUR_SHARE = 0.4  # of the objects are aimed at another one, so that touching and overlap are common
SAMPLES = 3  # per pixel and axis: coverage in steps of 1/9
MARGIN = 6  # pixels around an object that its soft shadow may reach


class ShapeClass(NamedTuple):
    """One class, in a frame where the outline reaches 1.

    field(u, v, proportion): negative inside, about the distance to the outline.
    outline(proportion): [n, 2] hull points.
    proportion, aspect: ranges to draw from; aspect stays 1 where stretching would break the class.
    """

    field: Callable
    outline: Callable
    proportion: tuple = (1.0, 1.0)
    aspect: tuple = (1.0, 1.0)


class Stamp(NamedTuple):
    """One object before it is painted: coverage, depth in pixels inside, both [h, w], corner (top, left)."""

    class_index: int
    coverage: np.ndarray
    depth: np.ndarray
    top: int
    left: int

    def windows(self, height: int, width: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Returns (image slices, patch slices) of the part that lies in the image."""
        bottom, right = np.add((self.top, self.left), self.coverage.shape)
        image = slice(max(self.top, 0), min(bottom, height)), slice(max(self.left, 0), min(right, width))
        return image, tuple(slice(s.start - o, s.stop - o) for s, o in zip(image, (self.top, self.left)))


def arrange(
    rng: np.random.Generator, height: int, width: int, min_objects: int, max_objects: int
) -> tuple[list[Stamp], np.ndarray]:
    """Draws a number of objects and finds a place for each; stops early where no more would fit.

    Returns stamps from back to front [G] and owner [H, W]: 0 where background is visible, k + 1 where
    stamp k is.
    """
    owner = np.zeros((height, width), np.int16)
    stamps: list[Stamp] = []
    full, visible = np.zeros(1, int), np.zeros(1, int)
    for _ in range(rng.integers(min_objects, max_objects + 1)):
        stamp = _place(rng, stamps, owner, full, visible)
        if stamp is None:
            break
        image_window, patch_window = stamp.windows(*owner.shape)
        owner[image_window][stamp.coverage[patch_window] >= 0.5] = len(stamps) + 1
        stamps.append(stamp)
        full = np.append(full, np.count_nonzero(stamp.coverage >= 0.5))
        visible = np.bincount(owner.ravel(), minlength=len(stamps) + 1)
    return stamps, owner


def draw_stamp(rng: np.random.Generator, largest: float) -> Stamp:
    """A stamp at (0, 0) of random class, angle and size, at most `largest` pixels on its longer side."""
    class_index = int(rng.integers(len(SHAPE_CLASSES)))
    shape_class = list(SHAPE_CLASSES.values())[class_index]
    proportion, aspect = rng.uniform(*shape_class.proportion), rng.uniform(*shape_class.aspect)
    angle = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    outline = shape_class.outline(proportion) * (1, aspect) @ rotation  # [n, 2] x, y
    low, extent = outline.min(0), np.ptp(outline, axis=0)
    smallest = MIN_SIDE * extent.max() / extent.min()
    # More large ones than small: small ones are what later objects shrink to where room is short.
    side = largest - max(largest - smallest, 0) * rng.uniform() ** 2
    scale = max(side, smallest) / extent.max()
    width, height = np.ceil(scale * extent).astype(int) + 2 * MARGIN
    x, y = ((np.arange(n * SAMPLES, dtype=np.float32) + 0.5) / SAMPLES for n in (width, height))
    x, y = (
        (axis - n / 2) / scale + start + span / 2
        for axis, n, start, span in zip((x, y), (width, height), low, extent)
    )
    u = (x * rotation[0, 0]).astype(np.float32) + (y * rotation[0, 1]).astype(np.float32)[:, None]
    v = (
        (x * rotation[1, 0]).astype(np.float32) + (y * rotation[1, 1]).astype(np.float32)[:, None]
    ) / np.float32(aspect)
    field = shape_class.field(u, v, np.float32(proportion)).reshape(height, SAMPLES, width, SAMPLES)
    coverage = (field <= 0).sum(1, dtype=np.uint8).sum(2, dtype=np.uint8) / np.float32(SAMPLES**2)  # [h, w]
    return Stamp(class_index, coverage, -field[:, SAMPLES // 2, :, SAMPLES // 2] * np.float32(scale), 0, 0)


def _place(rng, stamps, owner, full, visible):
    """Returns a new stamp that leaves enough of itself and of every object below it visible, or None."""
    largest = min(owner.shape) / 2
    for _ in range(5):
        stamp = draw_stamp(rng, largest)
        for _ in range(8):
            stamp = _move(rng, stamp, stamps, owner.shape)
            image_window, patch_window = stamp.windows(*owner.shape)
            covered = owner[image_window][stamp.coverage[patch_window] >= 0.5]
            left = np.append(visible - np.bincount(covered, minlength=len(visible)), covered.size)[1:]
            needed = np.append(full, np.count_nonzero(stamp.coverage >= 0.5))[1:] * MIN_VISIBLE_SHARE
            if np.all(left >= np.maximum(needed, MIN_VISIBLE_PIXELS)):
                return stamp
        largest *= 0.7  # a smaller one fits sooner
    return None


def _move(rng, stamp, stamps, image_shape):
    """The stamp at a random place, often beside or on another one, a quarter of it outside at most."""
    size = np.array(stamp.coverage.shape) - 2 * MARGIN
    if stamps and rng.random() < NEIGHBOUR_SHARE:
        other = stamps[rng.integers(len(stamps))]
        other_size = np.array(other.coverage.shape) - 2 * MARGIN
        angle = rng.uniform(0, 2 * np.pi)
        reach = rng.uniform(0.45, 1.0) * (size + other_size) / 2
        center = np.array((other.top, other.left)) + MARGIN + other_size / 2
        corner = center + reach * (np.sin(angle), np.cos(angle)) - size / 2
    else:
        corner = rng.uniform(-0.25 * size, image_shape - 0.75 * size)
    top, left = np.clip(corner, -0.25 * size, image_shape - 0.75 * size).round().astype(int) - MARGIN
    return stamp._replace(top=int(top), left=int(left))


# Classes.  Each keeps its outline at any angle and at 16 px.


def _circle(u, v, _):
    return np.hypot(u, v) - 1


def _ring(u, v, hole):
    radius = np.hypot(u, v)
    return np.maximum(radius - 1, hole - radius)


def _square(u, v, _):
    return np.maximum(np.abs(u), np.abs(v)) - 1


def _cross(u, v, arm):
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v) - 1, np.minimum(u, v) - arm)


def _triangle(u, v, _):
    return np.maximum(np.abs(v) * np.float32(np.sqrt(0.75)) + u / 2, -u) - np.float32(0.5)


def _star(u, v, notch):
    """Folds the plane into a tenth of the star, whose outline is a line from the tip (1, 0) to the notch."""
    half = np.float32(np.pi / 5)
    angle = np.abs((np.arctan2(v, u) + 11 * half) % (2 * half) - half)
    normal = np.array([notch * np.sin(half), 1 - notch * np.cos(half)], np.float32)
    normal /= np.linalg.norm(normal)
    radius = np.hypot(u, v)
    return radius * (np.cos(angle) * normal[0] + np.sin(angle) * normal[1]) - normal[0]


def _hull(points):
    angles = np.arange(points) * 2 * np.pi / points
    return lambda _: np.stack([np.cos(angles), np.sin(angles)], 1)


def _corners(arm):
    return np.array([(a * s, b * t) for a, b in ((1, arm), (arm, 1)) for s in (-1, 1) for t in (-1, 1)])


SHAPE_CLASSES = {
    "circle": ShapeClass(_circle, _hull(64)),
    "square": ShapeClass(_square, _corners),
    "triangle": ShapeClass(_triangle, _hull(3), aspect=(0.85, 1.15)),
    "star": ShapeClass(_star, _hull(5), proportion=(0.38, 0.48), aspect=(0.9, 1.1)),
    "cross": ShapeClass(_cross, _corners, proportion=(0.26, 0.38), aspect=(0.85, 1.0)),
    "ring": ShapeClass(_ring, _hull(64), proportion=(0.5, 0.65)),
}
