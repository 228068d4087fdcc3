"""Each kind of mistake by hand: two images of 100 x 200 px with one or two objects."""

import numpy as np
import pytest

from tests.coco_folder import rectangle, write_folder
from tests.explain.made import Told, detections, with_masks
from yolact_tf.config import DataConfig
from yolact_tf.explain.mistake_figure import draw_mistakes
from yolact_tf.explain.mistakes import find_mistakes

KINDS = ({"id": 1, "name": "nut"}, {"id": 7, "name": "bolt"})
LABELS = {1: "nut", 7: "bolt"}
NUT = (1, 20, 20, 60, 60)  # category, x, y, width, height
OF_NUT = (20, 20, 80, 80)


@pytest.fixture
def judged(tmp_path):
    """judged(detections, *objects, crowds) -> Mistakes of one image."""

    def judge(found, *objects, **options):
        rows = [rectangle(1, *place, category_id=category, **more) for category, *place, more in objects]
        write_folder(tmp_path, {"a.png": (100, 200)}, rows, KINDS, ("val",))
        return find_mistakes(Told(LABELS, found), tmp_path, **options)

    return judge


def faults(mistakes):
    return [(mistake.fault.kind, mistake.fault.reason) for mistake in mistakes]


def test_what_is_right_is_no_mistake(judged):
    found = judged(detections((1, 0.9, *OF_NUT)), (*NUT, {}))
    assert (found.num_right, found.wrong, found.missed) == (1, [], [])


@pytest.mark.parametrize(
    "row, kind, reason",
    [
        ((1, 0.8, 22, 20, 80, 80), "duplicate", "one is found already"),
        ((7, 0.8, *OF_NUT), "wrong class", "truth is nut"),
        ((1, 0.8, 50, 20, 110, 80), "misplaced", "box IoU 0.33"),
        ((1, 0.8, 120, 20, 180, 80), "nothing there", ""),
    ],
)
def test_a_second_detection_that_is_wrong(judged, row, kind, reason):
    found = judged(detections((1, 0.9, *OF_NUT), row), (*NUT, {}))
    assert faults(found.wrong) == [(kind, reason)] and found.num_right == 1 and not found.missed
    assert found.wrong[0].index == 1 and found.wrong[0].weight == pytest.approx(0.8)


def test_a_right_box_with_half_a_mask(judged):
    found = with_masks(detections((1, 0.9, *OF_NUT)), (20, 20, 40, 80))
    found = judged(found, (*NUT, {}))
    assert faults(found.wrong) == [("poor mask", "mask IoU 0.33")] and not found.missed


@pytest.mark.parametrize(
    "rows, kind, reason",
    [
        ([], "not seen", ""),
        ([(1, 0.2, *OF_NUT)], "too unsure", "score 0.20"),
        ([(7, 0.8, *OF_NUT)], "wrong class", "taken for kind 7"),
        ([(1, 0.8, 50, 20, 110, 80)], "misplaced", "box IoU 0.33"),
        ([(7, 0.2, *OF_NUT)], "not seen", ""),
    ],
)
def test_a_missed_object(judged, rows, kind, reason):
    found = judged(detections(*rows), (*NUT, {}))
    assert faults(found.missed) == [(kind, reason)]
    assert found.missed[0].weight == pytest.approx(60 * 60 / (100 * 200))


def test_crowds_are_neither_missed_nor_wrong(judged):
    found = judged(detections((1, 0.9, *OF_NUT)), (1, 0, 0, 150, 100, {"is_crowd": 1}))
    assert (found.num_right, found.wrong, found.missed) == (0, [], [])


def test_what_scores_less_than_the_threshold_is_no_detection(judged):
    assert judged(detections((1, 0.29, *OF_NUT)), (*NUT, {})).missed
    assert not judged(detections((1, 0.29, *OF_NUT)), (*NUT, {}), score_threshold=0.2).missed


def test_the_surest_detection_and_the_largest_object_come_first(judged):
    rows = [(1, score, x, 0, x + 20, 20) for score, x in ((0.5, 0), (0.9, 60), (0.7, 120))]
    objects = [(7, 0, 50, 10, 10, {}), (7, 20, 50, 40, 40, {}), (7, 100, 50, 20, 20, {})]
    found = judged(detections(*rows), *objects)
    assert [mistake.index for mistake in found.wrong] == [1, 2, 0]
    assert [mistake.index for mistake in found.missed] == [1, 2, 0]
    assert found.counts() == ({"nothing there": 3}, {"not seen": 3})


def test_each_object_is_found_once_by_the_better_score(judged):
    rows = (1, 0.6, *OF_NUT), (1, 0.9, 25, 20, 80, 80)
    found = judged(detections(*rows), (*NUT, {}))
    assert found.num_right == 1 and found.wrong[0].index == 0


def test_pairs_of_truth_and_detection(judged):
    rows = [(1, 0.9, 120, 0, 180, 60), (7, 0.8, *OF_NUT)]
    answers = detections(*rows)
    found = judged(answers, (*NUT, {}))
    picture = draw_mistakes(found, Told(LABELS, answers))
    assert picture.dtype == np.uint8 and picture.shape[1] == 4 * 340 + 3 * 6
    # A row of pairs for each sort.
    assert picture.shape[0] > 2 * 340
    assert draw_mistakes(found, Told(LABELS, answers), count=1).shape == picture.shape


def test_nothing_wrong_is_said_in_so_many_words(judged):
    answers = detections((1, 0.9, *OF_NUT))
    picture = draw_mistakes(judged(answers, (*NUT, {})), Told(LABELS, answers))
    assert picture.shape[0] < 200
    nothing = detections()
    assert draw_mistakes(judged(nothing), Told(LABELS, nothing)).shape[0] < 200


def test_on_a_real_model(detector, shapes_data):
    found = find_mistakes(detector, shapes_data, score_threshold=0.05)
    assert found.num_images == 4 and found.wrong
    assert draw_mistakes(found, detector, 3).shape[1] == 4 * 340 + 3 * 6


def test_a_model_of_other_classes_is_refused(shapes_data):
    with pytest.raises(ValueError, match="expected the model's categories"):
        find_mistakes(Told(LABELS, detections()), shapes_data)


def test_corrupt_data_is_taken_as_settings_say(tmp_path):
    box = {"id": 5, "image_id": 1, "category_id": 1, "bbox": [20, 20, 60, 60], "area": 3600, "iscrowd": 0}
    write_folder(tmp_path, {"a.png": (100, 200)}, [box], KINDS, ("val",))
    detector = Told(LABELS, detections())
    assert len(find_mistakes(detector, tmp_path).missed) == 1
    assert not find_mistakes(detector, tmp_path, settings=DataConfig(boxless="drop")).missed
    with pytest.raises(ValueError, match="expected a mask"):
        find_mistakes(detector, tmp_path, settings=DataConfig(boxless="refuse"))
