"""Shares: every class is shared out like the images, groups stay whole, equal seeds give equal splits."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.data.partition.shares import share_out


def images(num_images, rates, seed=0):
    """[images, 1 + classes] of images that hold each class at a rate of their own."""
    objects = np.random.default_rng(seed).poisson(rates, (num_images, len(rates)))
    return np.concatenate([np.ones((num_images, 1), int), objects], 1)


def part(counts, splits, split):
    """Share of each column that a split has."""
    return counts[splits == split].sum(0) / counts.sum(0)


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.7, 0.2, 0.1), (0.5, 0.25, 0.25)])
def test_each_split_gets_its_share_of_images_and_classes(shares):
    counts = images(400, (3, 0.5, 0.05))
    splits = share_out(counts, np.array(shares), seed=0)
    for split, share in enumerate(shares):
        # Of 20 objects of the rarest class, one more or less is 0.05.
        assert_allclose(part(counts, splits, split), share, atol=0.05)
        assert_allclose(part(counts, splits, split)[:2], share, atol=0.01)


def test_groups_of_very_different_sizes_are_shared_out():
    counts = images(60, (2, 1)) * np.array([40] + [10] * 9 + [1] * 50)[:, None]
    splits = share_out(counts, np.array([0.8, 0.2]), seed=1)
    assert_allclose(part(counts, splits, 1), 0.2, atol=0.05)


def test_a_class_that_cannot_be_parted_is_to_train_on():
    counts = images(50, (1, 1))
    rare = np.zeros((50, 1), int)
    rare[17] = 3
    splits = share_out(np.concatenate([counts, rare], 1), np.array([0.8, 0.2]), seed=0)
    assert splits[17] == 0


def test_seeds_decide():
    counts = images(60, (1, 0.3))
    first, again, other = (share_out(counts, np.array([0.8, 0.2]), seed) for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("num_groups", [2, 3, 4])
def test_no_split_stays_without(num_groups):
    counts = np.ones((num_groups, 2), int)
    shares = np.array([0.9, 0.1]) if num_groups == 2 else np.array([0.98, 0.01, 0.01])
    assert set(share_out(counts, shares, seed=0)) == set(range(len(shares)))


def test_images_without_any_objects_are_shared_out_too():
    counts = np.concatenate([np.ones((10, 1), int), np.zeros((10, 3), int)], 1)
    assert np.bincount(share_out(counts, np.array([0.8, 0.2]), seed=0)).tolist() == [8, 2]
