"""Which of many things belong together, where it is told of them two at a time."""

from collections.abc import Hashable, Iterable

import numpy as np


class Groups:
    """Things 0 .. count - 1, each alone until it is joined with others."""

    def __init__(self, count: int) -> None:
        self._parents = np.arange(count)

    def join(self, one: int, other: int) -> None:
        """Makes the groups of two things one."""
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first

    def join_equal(self, keys: Iterable[Hashable]) -> None:
        """Joins the things of equal keys; one whose key is None stays as it is."""
        first: dict[Hashable, int] = {}
        for thing, key in enumerate(keys):
            if key is not None:
                self.join(first.setdefault(key, thing), thing)

    def labels(self) -> np.ndarray:
        """[count] ints, the same for all things of a group: the number of its first."""
        while (self._parents != self._parents[self._parents]).any():
            self._parents = self._parents[self._parents]
        return self._parents.copy()

    def _root(self, thing):
        parents = self._parents
        while parents[thing] != thing:
            parents[thing] = thing = parents[parents[thing]]
        return int(thing)
