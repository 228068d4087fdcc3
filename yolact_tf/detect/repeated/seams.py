"""Joins what several looks at an image found: an object that a seam cuts comes out once.

A sighting is *cut* where its look ends, else *whole*. A whole one is an object; a cut one of which another
look shows more is a part of that. Cut ones that agree in what both their looks show are one object. A coarser
look, to which a crowd may seem one large object, takes nothing for a part of which a finer one is surer.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated.looks import Look
from yolact_tf.detect.repeated.sets import one_set, with_windows
from yolact_tf.detect.windows import (
    Region,
    add_to,
    extent_of,
    iou,
    shared_pixels,
    trimmed,
    within,
)
from yolact_tf.mask_windows import Window

SAME = 0.5  # IoU of two masks that are of one object
HELD = 0.5  # share of a cut sighting's mask that lies in the object that it is a part of
REFINES = 0.8  # IoU of a part with the whole from which its mask may differ in detail only
INSIDE = 0.9  # share of a mask that lies in a larger one of its class and is no object of its own


class Sightings(NamedTuple):
    """What the looks at one image found, in its pixels."""

    found: Detections  # n, with given masks
    looks: np.ndarray  # [n] number of the look
    scales: np.ndarray  # [n] of the look
    regions: list[Region]  # n, of the look
    is_cut: np.ndarray  # [n] bool

    @classmethod
    def of(cls, looks: Sequence[Look], sets: Sequence[Detections], is_cut: np.ndarray) -> Self:
        """Of each look in turn what was found in it."""
        numbers = np.repeat(np.arange(len(sets)), [len(found) for found in sets])
        return cls(
            one_set(sets),
            numbers,
            np.array([look.scale for look in looks])[numbers],
            [looks[number].region for number in numbers.tolist()],
            is_cut,
        )

    def near(self, index: int, among: np.ndarray) -> np.ndarray:
        """Which of `among` are of other looks, with boxes that meet that of `index`."""
        boxes, (x1, y1, x2, y2) = self.found.boxes[among], self.found.boxes[index]
        meets = (boxes[:, 0] < x2) & (boxes[:, 2] > x1) & (boxes[:, 1] < y2) & (boxes[:, 3] > y1)
        return among[meets & (self.looks[among] != self.looks[index])]

    def agreement(self, first: int, second: int) -> float:
        """IoU of two masks in what both looks show."""
        one, other = self.found.windows[first], self.found.windows[second]
        return iou(within(one, self.regions[second]), within(other, self.regions[first]))


def joined(seen: Sightings) -> Detections:
    """Each object once, best first."""
    whole = _distinct(seen)
    groups = {index: [index] for index in whole.tolist()}
    alone = []
    for part in np.flatnonzero(seen.is_cut).tolist():
        holder = _holder(seen, part, whole)
        if holder is None:
            alone.append(part)
        elif seen.agreement(holder, part) >= REFINES:
            groups[holder].append(part)
    objects = [*groups.values(), *_chains(seen, np.array(alone, int))]
    found = _assembled(seen, objects)
    kept = _not_parts(seen, found, objects)
    return found[kept[np.argsort(-found.scores[kept], kind="stable")]]


def _distinct(seen):
    """Indices of whole sightings, without those of an object that a finer or a surer one is of.

    Whatever their classes: which one an object is of is for the finer, then for the surer look to say.
    """
    whole = np.flatnonzero(~seen.is_cut)
    order = whole[np.lexsort((-seen.found.scores[whole], seen.scales[whole]))]
    kept = np.zeros(len(seen.found), bool)
    for index in order.tolist():
        window, rivals = seen.found.windows[index], seen.near(index, np.flatnonzero(kept)).tolist()
        kept[index] = all(iou(window, seen.found.windows[rival]) < SAME for rival in rivals)
    return np.flatnonzero(kept)


def _holder(seen, part, whole):
    """The whole sighting that most of a cut one lies in, whatever its class; None where there is none."""
    window = seen.found.windows[part]
    rivals = [rival for rival in seen.near(part, whole).tolist() if _may_hold(seen, rival, part)]
    shares = [shared_pixels(window, seen.found.windows[rival]) for rival in rivals]
    if not shares or max(shares) < max(HELD * np.count_nonzero(window[2]), 1):
        return None
    return rivals[int(np.argmax(shares))]


def _may_hold(seen, rival, part):
    """Whether a part may be of a whole sighting: one of a coarser look is surer, or agrees with it."""
    return (
        seen.scales[rival] <= seen.scales[part]
        or seen.found.scores[rival] >= seen.found.scores[part]
        or seen.agreement(rival, part) >= SAME
    )


def _chains(seen, parts):
    """Cut sightings by object: those that agree, one of each look, of the same class sooner."""
    pairs = [
        (seen.found.class_ids[one] == seen.found.class_ids[other], agreement, one, other)
        for at, one in enumerate(parts.tolist())
        for other in seen.near(one, parts[at + 1 :]).tolist()
        if (agreement := seen.agreement(one, other)) >= SAME
    ]
    group_of = {part: [part] for part in parts.tolist()}
    for *_, one, other in sorted(pairs, reverse=True):
        first, second = group_of[one], group_of[other]
        if first is second or set(seen.looks[first]) & set(seen.looks[second]):
            continue
        first += second
        group_of.update(dict.fromkeys(second, first))
    return list({id(group): group for group in group_of.values()}.values())


def _assembled(seen, groups):
    """A detection of each group of sightings."""
    found = seen.found[np.array([_leader(seen, group) for group in groups], int)]
    for box, group in zip(found.boxes, groups, strict=True):
        box[:] = _box(seen, group)
    return with_windows(found, [_mask(seen, group) for group in groups])


def _not_parts(seen, found, groups):
    """Indices of detections but those that other looks saw as a part of a larger one.

    What lies between two parts of an object may be wider than a look, to which one of them is all there is.
    """
    areas = np.array([np.count_nonzero(window[2]) for window in found.windows])
    looks = [set(seen.looks[group].tolist()) for group in groups]
    scales = np.array([seen.scales[group].min() for group in groups])
    boxes = found.boxes
    kept = []
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        holds = (boxes[:, :2] < [x2, y2]).all(1) & (boxes[:, 2:] > [x1, y1]).all(1)
        holds &= (areas > areas[index]) & (found.class_ids == found.class_ids[index])
        rivals = np.flatnonzero(holds & ((scales <= scales[index]) | (found.scores >= found.scores[index])))
        kept.append(
            all(
                looks[index] & looks[rival]
                or shared_pixels(found.windows[index], found.windows[rival]) < INSIDE * areas[index]
                for rival in rivals.tolist()
            )
        )
    return np.flatnonzero(kept)


def _leader(seen, group):
    """The sighting that says class and score: the whole one, else the part that says most."""
    if not seen.is_cut[group[0]]:
        return group[0]
    found = seen.found
    return max(group, key=lambda part: found.scores[part] * np.count_nonzero(found.windows[part][2]))


def _box(seen, group):
    boxes = seen.found.boxes[group]
    if not seen.is_cut[group[0]]:
        return boxes[0]
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _mask(seen, group) -> Window:
    """The mask of an object: what its looks say together; where they are finer, the parts of a whole one."""
    windows = [seen.found.windows[index] for index in group]
    whole = not seen.is_cut[group[0]]
    parts = [i for i in group[whole:] if not whole or seen.scales[i] < seen.scales[group[0]]]
    if len(windows) == 1 or not parts:
        return windows[0]
    extent = extent_of(windows)
    shape = extent[3] - extent[1], extent[2] - extent[0]
    seen_by, votes, mask = np.zeros(shape, np.int16), np.zeros(shape, np.int16), np.zeros(shape, bool)
    if whole:
        add_to(mask, extent, windows[0], True)
    for index in parts:
        y, x, shown = within((extent[1], extent[0], np.ones(shape, bool)), seen.regions[index])
        add_to(seen_by, extent, (y, x, shown), 1)
        add_to(votes, extent, seen.found.windows[index], 1)
    mask = np.where(seen_by > 0, 2 * votes >= np.maximum(seen_by, 1), mask)
    return trimmed((extent[1], extent[0], mask))
