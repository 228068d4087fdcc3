import numpy as np
import pytest

from tests.evaluate.scenes import CAT, DOG, random_scene, record_of, result, split_of
from yolact_tf.data.load import load_data
from yolact_tf.evaluate.analysis import DEFAULT_THRESHOLD, analyse
from yolact_tf.evaluate.average_precision import coco_metrics

BOX, FAR = (10, 10, 20, 20), (60, 60, 20, 20)


@pytest.fixture(scope="module")
def scenes():
    """(split, results) of 24 images."""
    rng = np.random.default_rng(1)
    pairs = [random_scene(rng, image_id) for image_id in range(1, 25)]
    return split_of([record for record, _ in pairs]), [row for _, rows in pairs for row in rows]


def test_all_parts_tell_of_the_same_detections(scenes):
    data, results = scenes
    # In any order: equal scores are taken by image number.
    found = analyse(split_of(data.records[::-1]), results)
    assert found.metrics == coco_metrics(data, results)
    for kind, numbers in (("bbox", found.boxes), ("segm", found.masks)):
        assert numbers.errors.ap == pytest.approx(found.metrics[kind]["AP50"])
        assert numbers.curve.recall[-1] == pytest.approx(
            1 - _unfound(numbers) / numbers.num_objects.sum(), abs=1e-9
        )
        assert numbers.calibration.counts.sum() == numbers.num_detections.sum() <= len(results)
    # What the curve says of its best threshold is what confusion and images count there.
    best, total = found.masks.best, found.masks.num_objects.sum()
    right = np.trace(found.confusion)
    assert right / total == pytest.approx(best.recall)
    assert right / found.confusion[:, :-1].sum() == pytest.approx(best.precision)
    assert sum(q.found for q in found.images) == right
    assert sum(q.missed for q in found.images) == total - right
    assert [q.image_id for q in found.images] == [record.image_id for record in data.records]


def _unfound(numbers):
    """Objects that no detection found: by the curves of the classes."""
    found = [c.recall[-1] * n if len(c.recall) else 0 for c, n in zip(numbers.curves, numbers.num_objects)]
    return numbers.num_objects.sum() - sum(found)


def test_perfect_detections():
    record = record_of(1, [(CAT, *BOX), (DOG, *FAR)])
    found = analyse(split_of([record]), [result(1, CAT, BOX, 1.0), result(1, DOG, FAR, 1.0)])
    assert found.masks.best == found.boxes.best == (0.5, 1, 1, 1)
    assert found.boundary.stats["AP"] == pytest.approx(1) and found.boxes.calibration.error == 0
    assert found.confusion.tolist() == np.diag([1, 1, 0, 0]).tolist()
    assert found.thresholds == {"all": 0.5, "per_class": {"3": 0.5, "5": 0.5}}


@pytest.mark.parametrize("results", [[], [result(1, DOG, BOX, 0.9)]])
def test_where_nothing_is_found_thresholds_are_the_default(results):
    found = analyse(split_of([record_of(1, [(CAT, *BOX)])]), results)
    assert found.masks.best is None and found.masks.best_of_class == {}
    assert found.thresholds == {"all": DEFAULT_THRESHOLD, "per_class": {}}
    assert found.confusion.sum() == 1 and found.images[0].missed == 1


def test_images_that_could_not_be_read_do_not_count():
    records = [record_of(1, [(CAT, *BOX)]), record_of(2, [(CAT, *BOX)])]
    told = []
    found = analyse(
        split_of(records), [result(1, CAT, BOX, 0.9)], {1}, progress=lambda *done: told.append(done)
    )
    assert (found.num_images, found.metrics["segm"]["AP"]) == (1, pytest.approx(1))
    assert told == [(1, 2), (2, 2)]


def test_a_threshold_of_a_class_is_of_its_own_detections():
    record = record_of(1, [(CAT, *BOX), (DOG, *FAR)])
    rows = [result(1, CAT, BOX, 0.9), result(1, CAT, FAR, 0.5), result(1, DOG, FAR, 0.2)]
    found = analyse(split_of([record]), rows)
    # The cat's halfway between .9 and .5, the dog's between .2 and 0; of all, two of three right is best.
    assert found.thresholds == {
        "all": pytest.approx(0.1),
        "per_class": {"3": pytest.approx(0.7), "5": pytest.approx(0.1)},
    }


def test_shards_are_analysed_as_the_json_they_came_from(shapes_data, shapes_shards):
    data, shards = load_data(shapes_data, "val"), load_data(shapes_shards, "val")
    rows = [
        {**row, "image_id": record.image_id}
        for record in data.records
        for row in [result(0, c, box, 0.5, side=128) for c, box in zip(_ids(data, record), record.xywh)]
    ]
    assert analyse(shards, rows).metrics == analyse(data, rows).metrics


def _ids(data, record):
    return [list(data.labels)[rank] for rank in record.classes]
