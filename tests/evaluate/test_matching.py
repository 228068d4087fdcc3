import numpy as np
import pytest

from tests.evaluate.scenes import CAT, DOG, LABELS, OWL, match, random_scene, record_of, result, split_of
from yolact_tf.evaluate.coco_numbers import Truth
from yolact_tf.evaluate.curves import average_precision
from yolact_tf.evaluate.matching import judge, match_image

RANKS = {category: rank for rank, category in enumerate(LABELS)}
BOX = (10, 10, 20, 20)


@pytest.mark.parametrize("kind", ["bbox", "segm"])
def test_perfect_detections_find_their_objects(kind):
    objects = [(CAT, 0, 0, 10, 10), (DOG, 50, 50, 20, 20), (CAT, 30, 0, 10, 40)]
    found = match(objects, [(*o, s) for o, s in zip(objects, (0.3, 0.9, 0.5), strict=True)], kind=kind)
    assert found.scores.tolist() == [0.9, 0.5, 0.3]
    assert found.found.tolist() == [1, 2, 0]
    assert found.classes.tolist() == [1, 0, 0] and found.object_classes.tolist() == [0, 1, 0]
    assert np.diag(found.ious[:, [1, 2, 0]]) == pytest.approx(1)


def test_no_detections_and_no_objects():
    assert match([(CAT, *BOX)], []).ious.shape == (0, 1)
    alone = match([], [(CAT, *BOX, 0.5)])
    assert alone.ious.shape == (1, 0) and alone.found.tolist() == [-1]
    nothing = judge([match([], [])], 3)
    assert len(nothing.scores) == 0 and nothing.num_objects.tolist() == [0, 0, 0]


def test_a_duplicate_a_wrong_class_and_a_shifted_box_find_nothing():
    found = match([(CAT, *BOX)], [(CAT, *BOX, 0.9), (CAT, *BOX, 0.8), (DOG, *BOX, 0.7)])
    assert found.found.tolist() == [0, -1, -1]
    # 20 wide and shifted by 7: 13 of 27 columns are shared, .48; by 6: 14 of 26, .54.
    assert match([(CAT, *BOX)], [(CAT, 17, 10, 20, 20, 0.9)]).found.tolist() == [-1]
    assert match([(CAT, *BOX)], [(CAT, 16, 10, 20, 20, 0.9)]).found.tolist() == [0]
    # An IoU of exactly .5 is enough.
    assert match([(CAT, *BOX)], [(CAT, 10, 10, 20, 10, 0.9)]).found.tolist() == [0]


def test_a_detection_of_a_crowd_is_neither_right_nor_wrong():
    crowd = (CAT, 50, 50, 40, 40)
    found = match([(CAT, *BOX)], [(CAT, 60, 60, 8, 8, 0.9), (CAT, 70, 60, 8, 8, 0.8)], [crowd])
    assert found.is_ignored.tolist() == [True, True] and found.found.tolist() == [-1, -1]
    judged = judge([found], 3)
    assert len(judged.scores) == 0 and judged.num_objects.tolist() == [1, 0, 0]
    # Of another class it is wrong; where an object can be found as well, that is.
    assert match([], [(DOG, 60, 60, 8, 8, 0.9)], [crowd]).is_ignored.tolist() == [False]
    both = match([(CAT, 60, 60, 8, 9)], [(CAT, 60, 60, 8, 8, 0.9)], [crowd])
    assert both.found.tolist() == [0] and both.is_ignored.tolist() == [False]


def test_of_a_class_the_hundred_best_count():
    rows = [(CAT, *BOX, s / 1000) for s in range(130)] + [(DOG, *BOX, 0.01)]
    found = match([], rows)
    assert np.bincount(found.classes).tolist() == [100, 1]
    assert found.scores[found.classes == 0].min() == pytest.approx(0.03)


def test_masks_are_ranked_by_their_own_score():
    row = {**result(1, CAT, BOX, 0.2), "mask_score": 0.7}
    record = record_of(1, [(CAT, *BOX)])
    assert match_image(record, [row], RANKS, "bbox").scores == [0.2]
    assert match_image(record, [row], RANKS, "segm").scores == [0.7]


@pytest.mark.parametrize("kind", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(6))
def test_ap50_of_the_matches_is_cocos(kind, seed):
    """With crowds, equal scores, wrong classes and duplicates."""
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng, image_id) for image_id in range(1, 25)]
    truth = Truth(LABELS)
    for record, _ in scenes:
        truth.add(record)
    numbers = truth.numbers([row for _, rows in scenes for row in rows], [kind])[kind]
    judged = judge([match_image(record, rows, RANKS, kind) for record, rows in scenes], len(LABELS))
    for rank in range(len(LABELS)):
        mine = judged.classes == rank
        ours = average_precision(judged.scores[mine], judged.is_true[mine], judged.num_objects[rank])
        assert ours == pytest.approx(numbers.average(rank, threshold=0), abs=1e-9)
    assert 0.1 < numbers.stats["AP50"] < 0.95


def test_the_scenes_have_what_they_are_for():
    rng = np.random.default_rng(0)
    scenes = [random_scene(rng, image_id) for image_id in range(1, 25)]
    data = split_of([record for record, _ in scenes])
    assert any(record.is_crowd.any() for record in data.records)
    assert any(not len(record.runs) for record in data.records)
    assert OWL in {row["category_id"] for _, rows in scenes for row in rows}
