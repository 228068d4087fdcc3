import numpy as np
import pytest

from tests.evaluate.scenes import CAT, DOG, LABELS, match, random_scene
from yolact_tf.evaluate.confusion import confusion_matrix
from yolact_tf.evaluate.matching import match_image

BOX, FAR = (10, 10, 20, 20), (60, 60, 20, 20)
NONE = len(LABELS)  # row and column of background


def confusion(objects, detections, crowds=(), threshold=0.5):
    matrix = confusion_matrix([match(objects, detections, crowds)], len(LABELS), threshold)
    return {place: int(matrix[place]) for place in zip(*map(list, np.nonzero(matrix)), strict=True)}


def test_perfect_detections_are_the_diagonal():
    objects = [(CAT, *BOX), (DOG, *FAR)]
    assert confusion(objects, [(*o, 0.9) for o in objects]) == {(0, 0): 1, (1, 1): 1}


def test_no_detections_are_the_last_column_and_no_objects_the_last_row():
    assert confusion([(CAT, *BOX), (CAT, *FAR)], []) == {(0, NONE): 2}
    assert confusion([], [(DOG, *BOX, 0.9)]) == {(NONE, 1): 1}
    assert confusion([], []) == {}


def test_swapped_classes_are_off_the_diagonal():
    swapped = confusion([(CAT, *BOX), (DOG, *FAR)], [(DOG, *BOX, 0.9), (CAT, *FAR, 0.8)])
    assert swapped == {(0, 1): 1, (1, 0): 1}


def test_duplicates_and_shifted_boxes_are_background():
    assert confusion([(CAT, *BOX)], [(CAT, *BOX, 0.9), (CAT, *BOX, 0.8)]) == {(0, 0): 1, (NONE, 0): 1}
    shifted = confusion([(CAT, *BOX)], [(CAT, 25, 10, 20, 20, 0.9)])
    assert shifted == {(0, NONE): 1, (NONE, 0): 1}


def test_faint_detections_and_crowds_do_not_count():
    assert confusion([(CAT, *BOX)], [(CAT, *BOX, 0.5)]) == {(0, NONE): 1}
    assert confusion([], [(CAT, 62, 62, 8, 8, 0.9)], [(CAT, *FAR)]) == {}


def test_an_object_is_first_for_its_own_class():
    # The dog scores more, but the cat that is there is found as a cat.
    both = confusion([(CAT, *BOX)], [(DOG, *BOX, 0.9), (CAT, *BOX, 0.6)])
    assert both == {(0, 0): 1, (NONE, 1): 1}
    # Where the cat is too faint to count, the dog takes its object.
    assert confusion([(CAT, *BOX)], [(DOG, *BOX, 0.9), (CAT, *BOX, 0.4)]) == {(0, 1): 1}


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_rows_are_objects_and_columns_detections(threshold):
    rng = np.random.default_rng(3)
    ranks = {category: rank for rank, category in enumerate(LABELS)}
    matches = [match_image(*random_scene(rng, i), ranks, "segm") for i in range(1, 25)]
    matrix = confusion_matrix(matches, len(LABELS), threshold)
    for rank in range(len(LABELS)):
        objects = sum(int(((m.object_classes == rank) & ~m.is_crowd).sum()) for m in matches)
        shown = [(m.classes == rank) & (m.scores > threshold) & ~m.is_ignored for m in matches]
        right = sum(int((s & (m.found >= 0)).sum()) for s, m in zip(shown, matches, strict=True))
        assert matrix[rank].sum() == objects
        assert matrix[:, rank].sum() == sum(int(s.sum()) for s in shown)
        assert matrix[rank, rank] == right
    assert matrix[NONE, NONE] == 0
