import numpy as np
import pytest

from yolact_tf.benchmark.spread import Ratio, Spread


def test_percentiles_of_a_hundred_and_one_times():
    # 0, 1, … 100 milliseconds: the n-th percentile is n milliseconds.
    spread = Spread.of(np.random.default_rng(0).permutation(np.arange(101) / 1000))
    assert (spread.p50, spread.p90, spread.p99) == pytest.approx((50, 90, 99))


def test_one_time_is_every_percentile():
    assert Spread.of([0.25]) == Spread(250, 250, 250)


def test_a_ratio_is_that_of_pairs_however_the_machine_slows():
    slow = np.random.default_rng(0).uniform(1, 9, 40)
    assert Ratio.of(2 * slow, slow) == Ratio(2, 2, 2)
    assert Ratio.of(slow, slow) == Ratio(1, 1, 1)


def test_the_spread_of_a_ratio_is_its_quartiles():
    # Ratios of 1, 2, 3, 4 and 5.
    assert Ratio.of([5, 4, 3, 2, 1], [1, 1, 1, 1, 1]) == Ratio(3, 2, 4)
