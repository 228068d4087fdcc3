import pytest

from tests.evaluate.scenes import CAT, DOG, match
from yolact_tf.evaluate.image_quality import (
    ImageQuality,
    best_images,
    image_quality,
    most_different,
    worst_images,
)

BOX, FAR = (10, 10, 20, 20), (60, 60, 20, 20)


def quality(objects, detections, crowds=()):
    return image_quality(7, match(objects, detections, crowds), 0.5)


def test_quality_by_hand():
    assert quality([(CAT, *BOX)], [(CAT, *BOX, 0.9)]) == (7, 1, 1, 0, 0)
    # IoU 14/26; one wrong, one missed: by 1 + (1 + 1) / 2.
    mixed = quality([(CAT, *BOX), (DOG, *FAR)], [(CAT, 16, 10, 20, 20, 0.9), (CAT, *FAR, 0.8)])
    assert mixed == (7, pytest.approx(14 / 26 / 2), 1, 1, 1)
    assert mixed.errors == 2
    assert quality([(CAT, *BOX)], [(CAT, *BOX, 0.4)]) == (7, 0, 0, 0, 1)


def test_nothing_to_find_and_nothing_found_is_perfect():
    assert quality([], []) == (7, 1, 0, 0, 0)
    assert quality([], [(CAT, 62, 62, 8, 8, 0.9)], [(CAT, *FAR)]) == (7, 1, 0, 0, 0)


def test_the_best_and_the_worst():
    images = [
        ImageQuality(1, 0.9, 3, 1, 0),
        ImageQuality(2, 0.0, 0, 1, 0),
        ImageQuality(3, 1.0, 0, 0, 0),  # nothing to see
        ImageQuality(4, 0.9, 9, 1, 0),
        ImageQuality(5, 0.0, 0, 0, 4),
        ImageQuality(6, 0.97, 2, 0, 0),  # no error
    ]
    assert [q.image_id for q in best_images(images, 3)] == [6, 4, 1]
    assert [q.image_id for q in worst_images(images, 9)] == [5, 2, 1, 4]


def test_where_models_differ_most():
    first = [ImageQuality(i, q, 1, 0, 0) for i, q in ((1, 0.5), (2, 0.9), (3, 0.4), (4, 1.0))]
    second = [ImageQuality(i, q, 1, 0, 0) for i, q in ((1, 0.6), (2, 0.1), (3, 0.4))]
    assert most_different([first, second], 5) == [2, 1]
    assert most_different([first, second], 1) == [2]
