"""Where labels go, so that each is at its box and none covers another."""

from collections.abc import Iterator, Sequence

import numpy as np

_AROUND = 6, 10  # label widths to either side and heights up and down in which room is looked for


def place_labels(
    sizes: Sequence[tuple[int, int]],
    boxes: np.ndarray,
    picture_size: tuple[int, int],
    keep_free: Sequence[Sequence[float]] = (),
) -> Iterator[tuple[int, int] | None]:
    """The top left corner (x, y) of each label; the first chooses first.

    sizes: (width, height) of n labels.  boxes: [n, 4] corners.  picture_size: (height, width).
    keep_free: corners x1, y1, x2, y2 of areas where no label may lie.
    A label lies on the border of its box where that is free, else as near as there is room. None where there
    is no room near by, or where it is larger than the picture.
    """
    taken = np.array(keep_free, float).reshape(-1, 4)
    for size, box in zip(sizes, boxes, strict=True):
        room = np.subtract(picture_size[::-1], size)
        place = None if (room < 0).any() else _first_free(_candidates(size, box), size, room, taken)
        if place is not None:
            taken = np.vstack([taken, [*place, *np.add(place, size)]])
        yield place


def _candidates(size, box):
    """Arrays [k, 2] of x, y in turn, each in order of preference."""
    (width, height), (x1, y1, x2, y2) = size, box
    # Above the box, in its upper corner, below; then the same at its right end; then beside it.
    yield np.array(
        [(x, y) for x in (x1, x2 - width) for y in (y1 - height, y1, y2, y2 - height)]
        + [(x2, y1), (x1 - width, y1)]
    )
    across, down = (np.arange(-reach, reach + 1) for reach in _AROUND)
    steps = np.stack(np.meshgrid(across * width / 2, down * height), -1).reshape(-1, 2)
    nearest_first = np.argsort(np.hypot(*steps.T), kind="stable")
    yield np.array([x1, y1 - height]) + steps[nearest_first]


def _first_free(candidates, size, room, taken):
    """The first place in the picture where a label of this size covers none of those that are `taken`."""
    for places in candidates:
        places = places.clip(0, room).astype(int)
        ends = places + size
        meets = (places[:, None] < taken[:, 2:]) & (ends[:, None] > taken[:, :2])
        is_free = ~meets.all(2).any(1)
        if is_free.any():
            x, y = places[is_free.argmax()].tolist()
            return x, y
    return None
