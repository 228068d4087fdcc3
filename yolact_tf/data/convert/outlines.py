"""Outlines of shapes as [m, 2] float64 x, y in pixels: of masks exactly, of circles closely."""

import math
from collections.abc import Iterable

import numpy as np

_SAGITTA = 0.05  # pixels that a chord may cut off an ellipse


def trace(mask: np.ndarray) -> list[np.ndarray]:
    """Outlines along the pixel borders of `mask` [H, W] bool, one for each 4-connected part.

    A hole hangs on its part's outline by a vertical seam of no width, walked there and back, and runs
    against it, so that filling by the even-odd rule, by winding number and by pycocotools all give the
    mask back pixel by pixel. No pixels give no outlines.
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return []
    padded = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    y, x, leads_down = _corners(padded)
    loops = _loops(_vertical_partners(y, x, leads_down))
    is_hole = [not padded[y[loop[0]] + 1, x[loop[0]] + 1] for loop in loops]
    seams = _seams(padded, y, x, loops, is_hole)
    paths: dict[int, list[tuple[int, int]]] = {}
    # A hole hangs on a loop that begins above it, which therefore comes earlier.
    for index in reversed(range(len(loops))):
        paths[index] = _path(loops[index], y, x, seams, paths, is_hole[index])
    offset = np.array([columns[0], rows[0]], float)
    return [_without_repeats(paths[k]) + offset for k in range(len(loops)) if not is_hole[k]]


def join(polygons: Iterable[np.ndarray]) -> np.ndarray:
    """One outline of several, tied together by seams of no width, as YOLO data sets do."""
    joined, *others = polygons
    for polygon in others:
        here = int(np.argmin(((joined - polygon[0]) ** 2).sum(1)))
        there = int(np.argmin(((polygon - joined[here]) ** 2).sum(1)))
        tour = np.roll(polygon, -there, axis=0)
        joined = np.concatenate([joined[: here + 1], tour, tour[:1], joined[here:]])
    return joined


def rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """[4, 2] corners of a rectangle."""
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """A polygon inside an ellipse, at most a twentieth of a pixel away from it."""
    radius = max(radius_x, radius_y, 1.0)
    count = max(12, math.ceil(math.pi / math.acos(1 - _SAGITTA / radius)))
    angles = np.arange(count) * (2 * math.pi / count)
    return np.stack([x + radius_x * np.cos(angles), y + radius_y * np.sin(angles)], 1)


def turn(polygon: np.ndarray, center: tuple[float, float], degrees: float) -> np.ndarray:
    """`polygon` turned about `center`, clockwise on the screen."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return (polygon - center) @ np.array([[cosine, sine], [-sine, cosine]]) + center


def _corners(padded):
    """Corners of the borders between pixels, row by row: y, x, and whether a border leads down.

    Where two pixels meet in a point there are two corners: first that of the border from the left.
    """
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    left, right = padded[1:, :-1], padded[1:, 1:]
    is_meeting = (above_left == right) & (above_right == left) & (left != right)
    is_corner = is_meeting | (above_left ^ above_right ^ left ^ right)
    y, x = np.nonzero(is_corner)
    copies = np.where(is_meeting[y, x], 2, 1)
    y, x = np.repeat(y, copies), np.repeat(x, copies)
    is_second = np.concatenate([[False], (y[1:] == y[:-1]) & (x[1:] == x[:-1])])
    # "\": the upper left pixel owns the borders left and up. "/": the lower left those left and down.
    is_rising = left[y, x] & is_meeting[y, x]
    return y, x, is_second ^ is_rising


def _vertical_partners(y, x, leads_down):
    """For each corner, the other end of its vertical border; that of its horizontal one is index ^ 1."""
    order = np.lexsort((leads_down, y, x))
    partners = np.empty(len(y), int)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    return partners.tolist()


def _loops(partners):
    """Closed walks along the borders as lists of corners, each from its top left one to the right."""
    loops, is_walked = [], bytearray(len(partners))
    for start in range(len(partners)):
        if is_walked[start]:
            continue
        loop, at = [], start
        while not loop or at != start:
            loop += [at, at ^ 1]
            is_walked[at] = is_walked[at ^ 1] = True
            at = partners[at ^ 1]
        loops.append(loop)
    return loops


def _seams(padded, y, x, loops, is_hole):
    """Left corner of a horizontal border -> the holes that hang on it, as [(x, loop)]."""
    width = padded.shape[1]
    keys = y * width + x
    seams = {}
    for hole in np.flatnonzero(is_hole):
        top, column = y[loops[hole][0]], x[loops[hole][0]]
        # In `padded` the pixel right above the hole's first corner is (top, column + 1).
        above = padded[: top + 1, column + 1][::-1]
        border = top - np.argmin(above)
        corner = int(np.searchsorted(keys, border * width + column, side="right")) - 1
        seams.setdefault(corner, []).append((int(column), int(hole)))
    return seams


def _path(loop, y, x, seams, paths, is_hole):
    """[x, y] points of a loop with the tours around the holes that hang on it."""
    path = []
    for here, there in zip(loop[0::2], loop[1::2], strict=True):
        path.append((int(x[here]), int(y[here])))
        is_leftward = here > there
        for column, hole in sorted(seams.get(min(here, there), ()), reverse=is_leftward):
            tour = [*paths[hole], paths[hole][0]]
            # Inside a hole the tour is turned together with the hole's own.
            tour = tour if is_hole else tour[::-1]
            path += [(column, int(y[here])), *tour, (column, int(y[here]))]
        path.append((int(x[there]), int(y[there])))
    return path


def _without_repeats(path):
    points = np.array(path, float)
    return points[(points != np.roll(points, 1, axis=0)).any(1)]
