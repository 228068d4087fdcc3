"""Which detections of two answers to one image are the same object, and which have no partner."""

from collections.abc import Iterator

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.mask_windows import place_window

# Detections scoring less need not all be there: which of near-ties at the end of the list stay says
# nothing about the artefact. A run that is less sure is compared one by one on its better half.
COMPARED_SCORE = 0.1
FAINT_SHARE = 0.1  # of the detections below, how many may differ
_NEAR = 0.02  # of the image's longer side, how far the boxes of partners may lie apart


def compared(scores: np.ndarray) -> np.ndarray:
    """Indices of the scores that are compared one by one."""
    return np.flatnonzero(scores > min(COMPARED_SCORE, 0.5 * max(scores, default=0)))


def match(expected: Detections, received: Detections, slack: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Indices of pairs of the same class and nearly the same box, and how many had no partner.

    slack: share of a score by which it may cross the line that what is compared scores more than. Without
    order: near-ties may change places.
    """
    mine = compared(expected.scores)
    line = float(expected.scores[mine].min()) if len(mine) else COMPARED_SCORE
    is_free = received.scores > line * (1 - slack)
    pairs = []
    for i in mine:
        gaps = np.abs(received.boxes - expected.boxes[i]).max(1)
        is_partner = is_free & (received.class_ids == expected.class_ids[i])
        is_partner &= gaps < _NEAR * max(expected.image_size)  # NaN is not
        if is_partner.any():
            j = int(np.where(is_partner, gaps, np.inf).argmin())
            is_free[j] = False
            pairs.append((int(i), j))
    # What only the artefact found, clearly above the line that the run's own scores were cut at, or
    # without a score.
    is_extra = is_free & (received.scores > line * (1 + slack)) | ~(received.scores > 0)
    first, second = np.array(pairs, int).reshape(-1, 2).T
    return first, second, len(mine) - len(pairs) + int(is_extra.sum())


def is_finite(found: Detections) -> np.ndarray:
    """[n] bool: whether all numbers of a detection are finite."""
    values = (found.boxes, found.scores, found.mask_scores, found.mask_probabilities)
    return np.all([np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in values], axis=0)


def faint_share(
    expected: Detections,
    received: Detections,
    theirs: np.ndarray,
    floor: float,
    within: tuple[float, float, float],
) -> float:
    """The share of detections too faint for `match`, `theirs` of `received`, that only one side has.

    floor: the score down to which `expected` lists all that was found.  within: how much score, box and
    mask of the same detection may differ.
    """
    mine = expected[np.setdiff1d(np.arange(len(expected)), compared(expected.scores))]
    others = received[np.setdiff1d(np.flatnonzero(is_finite(received)), theirs)]
    # Whether those at the floor are there is left to rounding.
    is_missing, is_extra = (scores > floor + within[0] for scores in (mine.scores, others.scores))
    is_extra &= others.scores <= max(mine.scores, default=0) + within[0]
    for i, j in _twins(mine, others, *within):
        is_missing[i] = is_extra[j] = False
    # One in a short list says as little.
    return float(max(is_missing.sum(), is_extra.sum())) / max(len(mine), 1 / FAINT_SHARE)


def mask_changes(first: Detections, second: Detections) -> tuple[np.ndarray, np.ndarray]:
    """(1 - IoU, pixels of either) of the masks of pairs, both [n]."""
    size = first.image_size
    counts = [_overlap(*pair, size) for pair in zip(first.windows, second.windows, strict=True)]
    shared, either = np.array(counts, int).reshape(-1, 2).T
    return np.where(either > 0, 1 - shared / np.maximum(either, 1), 0.0), either


def _twins(
    first: Detections, second: Detections, score: float, box: float, mask: float
) -> Iterator[tuple[int, int]]:
    """Yields the indices of pairs that are the same within the tolerances, each index once."""
    is_free = np.ones(len(second), bool)
    for i in range(len(first)):
        gaps = np.abs((second.boxes - first.boxes[i]) / np.tile(first.image_size[::-1], 2)).max(1)
        is_twin = is_free & (second.class_ids == first.class_ids[i]) & (gaps <= box)
        is_twin &= np.abs(second.scores - first.scores[i]) <= score
        if is_twin.any():
            j = int(is_twin.argmax())
            changes, _ = mask_changes(first[i], second[j])
            if changes[0] <= mask:
                is_free[j] = False
                yield i, j


def _overlap(first, second, size):
    """Pixels of both masks and of either."""
    first, second = place_window(*first, size), place_window(*second, size)
    return (first & second).sum(), (first | second).sum()
