"""One row of a verification: how far an output strays, at most and on average, and how far it may."""

import math
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np


@dataclass(frozen=True)
class Limit:
    """How far an output may stray at most and on average."""

    largest: float = math.inf
    mean: float = math.inf


@dataclass(frozen=True)
class Difference:
    """How far the values of one output stray; `+` joins those of several images."""

    output: str
    limit: Limit
    largest: float
    total: float  # of all values, each by its weight
    weight: float

    @classmethod
    def of(cls, output: str, values: Any, limit: Limit, weights: Any = 1.0) -> Self:
        """The row of `values`, of any shape, whose sign does not count.

        weights: what each counts for the mean.
        """
        sizes = np.abs(np.asarray(values, np.float64))
        weights = np.broadcast_to(weights, sizes.shape)
        # Without weight an infinite value would make a NaN.
        total = float(np.sum(sizes * weights, where=weights > 0))
        return cls(output, limit, float(np.max(sizes, initial=0)), total, float(weights.sum()))

    @classmethod
    def failed(cls, output: str) -> Self:
        """The row of what could not be compared at all."""
        return cls.of(output, np.nan, Limit(0))

    @property
    def mean(self) -> float:
        """The mean difference, 0 where nothing was compared."""
        return self.total / self.weight if self.weight else 0.0

    @property
    def passes(self) -> bool:
        """Whether it keeps both limits; NaN keeps none."""
        return self.largest <= self.limit.largest and self.mean <= self.limit.mean

    def named(self, output: str) -> Self:
        """The same row by another name."""
        return replace(self, output=output)

    def __add__(self, other: Self) -> Self:
        return replace(
            self,
            largest=float(np.maximum(self.largest, other.largest)),  # a NaN stays one
            total=self.total + other.total,
            weight=self.weight + other.weight,
        )
