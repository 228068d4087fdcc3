"""Errors of one kind cost what that kind says, and nothing else does."""

import numpy as np
import pytest

from tests.evaluate.scenes import CAT, DOG, LABELS, match, random_scene
from yolact_tf.evaluate.coco_numbers import Truth
from yolact_tf.evaluate.error_split import KINDS, MISSED, split_errors
from yolact_tf.evaluate.matching import match_image

BOX, FAR = (10, 10, 20, 20), (60, 60, 20, 20)
# What is detected where a cat is at BOX, and the one kind of error in it.
LONE = {
    "class": [(DOG, *BOX, 0.9)],
    "localisation": [(CAT, 20, 10, 20, 20, 0.9)],  # 10 of 30 columns: .33
    "both": [(DOG, 20, 10, 20, 20, 0.9)],
    "duplicate": [(CAT, *BOX, 0.9), (CAT, *BOX, 0.8)],
    "background": [(CAT, *FAR, 0.9), (CAT, *BOX, 0.8)],
    MISSED: [],
}


def split(*images):
    return split_errors([match(*image) for image in images], len(LABELS))


@pytest.mark.parametrize("kind", LONE)
def test_a_lone_error_is_of_its_kind(kind):
    counts = split(([(CAT, *BOX)], LONE[kind])).counts
    # What is wrong in class and place finds nothing, so that its object is missed as well.
    expected = {kind: 1, MISSED: 1} if kind in ("both", MISSED) else {kind: 1}
    assert {name: count for name, count in counts.items() if count} == expected


@pytest.mark.parametrize("kind", ["class", "localisation", MISSED])
def test_mending_the_only_kind_of_error_makes_all_right(kind):
    found = split(([(CAT, *BOX)], LONE[kind]))
    assert found.ap == 0 and found.gains[kind] == 1
    assert sum(found.gains.values()) == 1


def test_perfect_detections_have_no_errors():
    found = split(([(CAT, *BOX), (DOG, *FAR)], [(CAT, *BOX, 0.9), (DOG, *FAR, 0.8)]))
    assert found.ap == 1
    assert set(found.gains.values()) == {0} and set(found.counts.values()) == {0}
    assert found.without_wrong == found.without_unfound == 0


def test_nothing_at_all_has_no_ap_and_no_errors():
    found = split(([], []))
    assert found.ap == -1
    assert set(found.gains.values()) == {0} and set(found.counts.values()) == {0}


def test_without_objects_all_is_background():
    found = split(([], [(CAT, *BOX, 0.9), (DOG, *FAR, 0.8)]))
    assert found.counts["background"] == 2
    assert found.ap == -1 and set(found.gains.values()) == {0}


def test_duplicates_and_background_by_hand():
    # Two cats. Background .9, a cat .8, its duplicate .7, the other cat .6: recalls .5 and 1 at precisions
    # 1/2 (2 of 4 from there on) and 1/2.
    cats = [(CAT, *BOX), (CAT, *FAR)]
    found = split((cats, [(CAT, 10, 60, 9, 9, 0.9), (CAT, *BOX, 0.8), (CAT, *BOX, 0.7), (CAT, *FAR, 0.6)]))
    assert found.ap == pytest.approx(0.5)
    # Without the duplicate: background, cat, cat. 1/2, then 2/3, which is more and so counts from the start.
    assert found.gains["duplicate"] == pytest.approx(2 / 3 - 1 / 2)
    # Without background: cat, duplicate, cat. 1 up to a recall of .5 (51 samples), then 2/3 (50).
    assert found.gains["background"] == pytest.approx((51 + 50 * 2 / 3) / 101 - 1 / 2)
    assert found.without_wrong == pytest.approx(1 / 2)
    assert found.without_unfound == 0
    assert {name for name, gain in found.gains.items() if gain} == {"duplicate", "background"}


def test_one_object_is_given_to_the_best_of_those_that_want_it():
    # Two dogs where the cat is: the better becomes the cat, the other vanishes.
    found = split(([(CAT, *BOX), (DOG, *FAR)], [(DOG, *BOX, 0.9), (DOG, *BOX, 0.8), (DOG, *FAR, 0.7)]))
    assert found.counts["class"] == 2 and found.counts[MISSED] == 0
    # The cat's AP goes from 0 to 1, the dog's from 1/3 to 1.
    assert found.ap == pytest.approx(1 / 6)
    assert found.gains["class"] == pytest.approx(1 - 1 / 6)


def test_what_wants_an_object_that_is_found_is_removed():
    found = split(([(CAT, *BOX)], [(CAT, 20, 10, 20, 20, 0.9), (CAT, *BOX, 0.8)]))
    assert found.counts["localisation"] == 1
    assert found.ap == pytest.approx(1 / 2) and found.gains["localisation"] == pytest.approx(1 / 2)


def test_crowds_are_no_errors():
    found = split_errors([match([(CAT, *BOX)], [(CAT, 61, 61, 8, 8, 0.9)], [(CAT, *FAR)])], len(LABELS))
    assert {name: count for name, count in found.counts.items() if count} == {MISSED: 1}


@pytest.mark.parametrize("seed", range(6))
def test_random_scenes_split_whole(seed):
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng, image_id) for image_id in range(1, 25)]
    ranks = {category: rank for rank, category in enumerate(LABELS)}
    matches = [match_image(record, rows, ranks, "segm") for record, rows in scenes]
    found = split_errors(matches, len(LABELS))
    truth = Truth(LABELS)
    for record, _ in scenes:
        truth.add(record)
    numbers = truth.numbers([row for _, rows in scenes for row in rows], ["segm"])["segm"]
    assert found.ap == pytest.approx(numbers.stats["AP50"], abs=1e-9)
    # Each wrong detection has one kind.
    wrong = sum(int(((m.found < 0) & ~m.is_ignored).sum()) for m in matches)
    assert sum(found.counts[kind] for kind in KINDS) == wrong
    # Mending never hurts, and one kind of wrong detection never gives more than there is to gain.
    assert all(0 <= gain <= 1 - found.ap + 1e-12 for gain in found.gains.values())
    removed = [found.gains[kind] for kind in ("both", "duplicate", "background")]
    assert max(removed) <= found.without_wrong + 1e-12
    assert found.gains[MISSED] <= found.without_unfound + 1e-12
