"""Groups of images to splits, so that each split gets its share of every class."""

import numpy as np

_SWEEPS = 30  # over all groups; fewer than ten have been enough
_OF_IMAGES = 0.1  # weight of the share of images beside that of all classes together


def share_out(counts: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """[groups] the number of the split that each group goes to; no split stays without.

    counts: [groups, 1 + classes] images of each group, then its objects by class.  shares: [splits] that
    sum to 1.  A group goes where it lowers the squared distance of all counts from what they should be,
    relative to the latter, until no group would rather go elsewhere. Equal seeds give equal splits.
    """
    counts = counts[:, counts.sum(0) > 0].astype(np.float64)
    wanted = np.outer(shares, counts.sum(0))
    weights = 1 / wanted
    weights[:, 0] *= max(1, _OF_IMAGES * (counts.shape[1] - 1))
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order, 0], kind="stable")]  # what is large finds no place later
    splits, have = np.full(len(counts), -1), np.zeros_like(wanted)
    for _ in range(_SWEEPS):
        before = splits.copy()
        for group in order:
            count, now = counts[group], splits[group]
            if now >= 0:
                have[now] -= count
            costs = ((2 * (have - wanted) + count) * count * weights).sum(1)
            best = int(costs.argmin())
            splits[group] = now if now >= 0 and costs[now] <= costs[best] + 1e-9 else best
            have[splits[group]] += count
        if (splits == before).all():
            break
    _fill(splits, counts[:, 0], len(shares))
    return splits


def _fill(splits, sizes, num_splits):
    """Gives each split that has no group the smallest of the one that has most."""
    for empty in set(range(num_splits)) - set(splits.tolist()):
        members = np.flatnonzero(splits == np.bincount(splits, minlength=num_splits).argmax())
        splits[members[sizes[members].argmin()]] = empty
