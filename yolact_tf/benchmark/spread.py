"""Many times of the same thing in few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Spread:
    """Percentiles of times, in milliseconds."""

    p50: float
    p90: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Self:
        """Percentiles of one time or more."""
        return cls(*(1000 * _percentiles(seconds, (50, 90, 99))).round(4).tolist())


@dataclass(frozen=True)
class Ratio:
    """How many times as long as another: the median over pairs of neighbouring calls, and its quartiles.

    What slows the machine slows both calls of a pair, and leaves their ratio alone.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds: Sequence[float], others: Sequence[float]) -> Self:
        """Of times to those of the other model, round by round."""
        ratios = np.asarray(seconds) / np.asarray(others)
        return cls(*_percentiles(ratios, (50, 25, 75)).round(4).tolist())


def _percentiles(values, percents):
    return np.percentile(np.asarray(values, float), percents)
