"""What looks of different scales say of one place."""

import numpy as np
import pytest

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated.looks import Look
from yolact_tf.detect.repeated.seams import Sightings, joined

NOTHING = np.zeros((0, 0, 3), np.uint8)
TILES = [Look(NOTHING, (0, 0, 100, 100), 1), Look(NOTHING, (80, 0, 180, 100), 1)]
COPY = Look(NOTHING, (0, 0, 180, 100), 2)


def filled(*objects):
    """Detections of boxes x1, y1, x2, y2 that masks fill, each with its score and class."""
    boxes = [(x1, y1, x2, y2) for x1, y1, x2, y2, _, _ in objects]
    return Detections(
        image_size=(100, 180),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([score for *_, score, _ in objects], np.float32),
        class_ids=np.array([kind for *_, kind in objects], int),
        class_names=tuple(f"c{kind}" for *_, kind in objects),
        mask_probabilities=np.zeros((len(objects), 0, 0), np.float32),
        given_windows=tuple((y1, x1, np.ones((y2 - y1, x2 - x1), bool)) for x1, y1, x2, y2 in boxes),
    )


def found_boxes(large_score):
    """Boxes by class of one object that the seams cut, one that they do not, and a large one of a copy that
    both lie in."""
    of_tiles = [
        filled((70, 40, 100, 60, 0.9, 1), (20, 40, 50, 60, 0.9, 3)),
        filled((80, 40, 110, 60, 0.9, 1)),
    ]
    large = filled((10, 10, 170, 90, large_score, 3))
    is_cut = np.array([True, False, True, False])
    found = joined(Sightings.of([*TILES, COPY], [*of_tiles, large], is_cut))
    return sorted(
        (kind, box) for kind, box in zip(found.class_ids.tolist(), found.boxes.tolist(), strict=True)
    )


LARGE = (3, [10, 10, 170, 90])


def test_what_a_copy_is_less_sure_of_takes_no_surer_object_for_its_part():
    assert found_boxes(0.5) == [(1, [70, 40, 110, 60]), LARGE, (3, [20, 40, 50, 60])]


@pytest.mark.parametrize("score", [0.9, 0.95])
def test_what_a_copy_is_as_sure_of_holds_the_parts_that_tiles_show(score):
    assert found_boxes(score) == [LARGE]


def test_parts_that_a_copy_agrees_with_are_its_own_however_sure():
    parts = [filled((10, 10, 100, 90, 0.9, 1)), filled((80, 10, 170, 90, 0.9, 3))]
    large = filled((10, 10, 170, 90, 0.2, 3))
    found = joined(Sightings.of([*TILES, COPY], [*parts, large], np.array([True, True, False])))
    assert found.boxes.tolist() == [LARGE[1]] and found.class_ids.tolist() == [3]
