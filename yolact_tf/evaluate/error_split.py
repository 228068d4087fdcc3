"""What keeps AP50 from 1, error by error, in the manner of TIDE (Bolya et al., ECCV 2020).

Each wrong detection and each object that is not found has one kind of error. A kind's weight is what AP50
gains where only its errors are mended: gains do not sum to what is missing, since mending one kind leaves
less for another.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yolact_tf.evaluate.curves import average_precision
from yolact_tf.evaluate.matching import FOUND_IOU, ImageMatch, Judged, joined, judge

BACKGROUND_IOU = 0.1
# Of wrong detections; the rules are tried in the order of `_kinds`.
CLASS, LOCALISATION, BOTH, DUPLICATE, BACKGROUND = range(5)
KINDS = ("class", "localisation", "both", "duplicate", "background")
MISSED = "missed"


class ErrorSplit(NamedTuple):
    """AP50 and what each kind of error takes from it."""

    ap: float  # -1 where there are no objects
    gains: dict[str, float]  # kind of KINDS, or "missed" -> AP50 gained by mending it
    counts: dict[str, int]  # the same kinds -> errors
    without_wrong: float  # AP50 gained where all wrong detections vanish
    without_unfound: float  # and where objects that no detection found are none


class _Errors(NamedTuple):
    """Of the detections of an image that are not ignored, and of its objects."""

    kinds: np.ndarray  # [n] int, -1 for right ones
    becomes: np.ndarray  # [n] int, the class as which mending makes it right; -1 where mending removes it
    missed: np.ndarray  # classes of the objects that no mending of a detection finds
    unfound: np.ndarray  # classes of all objects that no detection found


def split_errors(matches: Sequence[ImageMatch], num_classes: int) -> ErrorSplit:
    """The ErrorSplit of all images.

    Of the wrong detections, class: IoU of .5 or more with an object of another class; localisation: .1 to
    .5 with one of its own; both: none of these, but more than .1 with an object; duplicate: .5 or more with
    an object that a better one found; background: the rest. Class and localisation are mended by making the
    best detection right for each object that is not found, and removing others; both, duplicate and
    background by removing them; missed, objects that none of that would find, by not counting them.
    """
    errors = [_errors_of(match) for match in matches]
    judged = judge(matches, num_classes)
    kinds = joined((e.kinds for e in errors), int)
    becomes = joined((e.becomes for e in errors), int)
    missed = np.bincount(joined((e.missed for e in errors), int), minlength=num_classes)
    unfound = np.bincount(joined((e.unfound for e in errors), int), minlength=num_classes)
    ap = _mean_ap(judged, judged.num_objects)
    gains = {name: _mended(judged, kinds == k, becomes) - ap for k, name in enumerate(KINDS)}
    gains[MISSED] = _mean_ap(judged, judged.num_objects - missed) - ap
    counts = {name: int((kinds == k).sum()) for k, name in enumerate(KINDS)}
    counts[MISSED] = int(missed.sum())
    return ErrorSplit(
        ap,
        gains,
        counts,
        _mended(judged, kinds >= 0, np.full_like(becomes, -1)) - ap,
        _mean_ap(judged, judged.num_objects - unfound) - ap,
    )


def _errors_of(match):
    is_found = np.zeros(len(match.object_classes), bool)
    is_found[match.found[match.found >= 0]] = True
    ious = np.where(match.is_crowd, 0.0, match.ious)
    is_own = match.classes[:, None] == match.object_classes
    own, other = np.where(is_own, ious, 0.0), np.where(is_own, 0.0, ious)
    kinds = np.where(match.found >= 0, -1, _kinds(_largest(own), _largest(other)))
    becomes = np.full(len(kinds), -1)
    is_reached = is_found | match.is_crowd
    for kind, nearest in ((CLASS, other), (LOCALISATION, own)):
        rows = np.flatnonzero((kinds == kind) & ~match.is_ignored)
        targets = nearest[rows].argmax(1) if len(rows) else rows
        rows, targets = rows[~is_found[targets]], targets[~is_found[targets]]
        # Detections come best first: of those that want one object, the first is made right.
        targets, first = np.unique(targets, return_index=True)
        becomes[rows[first]] = match.object_classes[targets]
        is_reached[targets] = True
    counted = ~match.is_ignored
    unfound = match.object_classes[~is_found & ~match.is_crowd]
    return _Errors(kinds[counted], becomes[counted], match.object_classes[~is_reached], unfound)


def _kinds(own, other):
    """[n] kind of a wrong detection, from its largest IoU with objects of its own class and of others."""
    return np.select(
        [
            (own >= BACKGROUND_IOU) & (own < FOUND_IOU),
            other >= FOUND_IOU,
            own >= FOUND_IOU,
            np.maximum(own, other) > BACKGROUND_IOU,
        ],
        [LOCALISATION, CLASS, DUPLICATE, BOTH],
        BACKGROUND,
    )


def _largest(ious):
    return ious.max(1, initial=0.0)


def _mended(judged, is_wrong, becomes):
    """Mean AP50 where the wrong detections become right ones of a class, or nothing."""
    is_mended = is_wrong & (becomes >= 0)
    kept = ~is_wrong | is_mended
    mended = Judged(
        judged.scores[kept],
        np.where(is_mended, becomes, judged.classes)[kept],
        (judged.is_true | is_mended)[kept],
        judged.num_objects,
    )
    return _mean_ap(mended, judged.num_objects)


def _mean_ap(judged, num_objects):
    """Mean AP50 over the classes that have objects, -1 where none has.

    num_objects: [C] how many of them count. A class of which none does has nothing left to find: 1 where
    nothing is detected, 0 where something is.
    """
    order = np.argsort(judged.classes, kind="stable")
    of_class = np.split(order, np.searchsorted(judged.classes[order], np.arange(1, len(num_objects))))
    values = [
        average_precision(judged.scores[mine], judged.is_true[mine], num_objects[rank])
        if num_objects[rank]
        else float(not len(mine))
        for rank, mine in enumerate(of_class)
        if judged.num_objects[rank]
    ]
    return float(np.mean(values)) if values else -1.0
