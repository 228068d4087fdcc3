import dataclasses
import json

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.coco_folder import rectangle, write_annotations
from tests.evaluate.scenes import CAT, DOG, LABELS, OWL, random_scene, record_of, result
from tests.evaluate.test_average_precision import imperfect_results, pycocotools_stats
from yolact_tf.data.coco.split import load_coco
from yolact_tf.evaluate.coco_numbers import AREAS, STATS, Truth, as_metrics
from yolact_tf.evaluate.curves import RECALLS

BOX = (20, 20, 60, 40)


@pytest.fixture
def crowded(shared_data, tmp_path):
    """coco100 with 130 more objects in its first image: a split of crowds, images without objects and most
    classes without one, too."""
    content = json.loads((shared_data / "coco100" / "val.json").read_text())
    first = content["images"][0]["id"]
    grid = [(40 * (i % 15) + 3, 45 * (i // 15) + 5, 20 + i % 9, 12 + i % 23) for i in range(130)]
    content["annotations"] += [
        {"id": 10_000_000 + number, **rectangle(first, *box, category_id=44)}
        for number, box in enumerate(grid)
    ]
    (tmp_path / "images").symlink_to(shared_data / "coco100" / "images")
    write_annotations(tmp_path, content, "val")
    return load_coco(tmp_path, "val")


@pytest.mark.whole
@pytest.mark.parametrize("digits", [1, 6])
def test_all_numbers_equal_pycocotools(crowded, digits):
    """With equal scores, too, in one image and between images, which COCO takes by image number."""
    counts = [len(record.runs) for record in crowded.records]
    assert max(counts) > 100 and min(counts) == 0 and any(r.is_crowd.any() for r in crowded.records)
    results = [
        {**row, "score": round(row["score"], digits)} for row in imperfect_results(crowded, seed=digits)
    ]
    shuffled = dataclasses.replace(crowded, records=crowded.records[::-1])
    truth = Truth(crowded.labels)
    for record in shuffled.records:
        truth.add(record)
    numbers = truth.numbers(results)
    for kind in ("bbox", "segm"):
        reference = pycocotools_stats(crowded.annotation_file, results, kind)
        ours = [numbers[kind].stats[stat] for stat in STATS]
        np.testing.assert_allclose(ours, reference.stats, atol=1e-6, rtol=0)
        np.testing.assert_allclose(numbers[kind].precision, reference.eval["precision"][..., -1], atol=1e-6)
        assert 0 < ours[0] < 1
    without = [rank for rank in range(80) if not any((r.classes == rank).any() for r in crowded.records)]
    assert without and all(numbers["bbox"].average(rank) == -1 for rank in without)


def numbers_of(records, results, *kinds):
    truth = Truth(LABELS)
    for record in records:
        truth.add(record)
    return truth.numbers(results, kinds)


def test_averages_are_what_the_statistics_are_means_of():
    rng = np.random.default_rng(5)
    scenes = [random_scene(rng, image_id) for image_id in range(1, 25)]
    (found,) = numbers_of(
        [record for record, _ in scenes], [row for _, rows in scenes for row in rows], "segm"
    ).values()
    for stat, area in zip(("AP", "APs", "APm", "APl"), AREAS, strict=True):
        of_classes = [found.average(rank, area) for rank in range(len(LABELS))]
        of_classes = [ap for ap in of_classes if ap > -1]
        assert found.stats[stat] == pytest.approx(np.mean(of_classes) if of_classes else -1)
    at_50, at_75 = (np.mean([found.average(r, threshold=t) for r in range(3)]) for t in (0, 5))
    assert (found.stats["AP50"], found.stats["AP75"]) == (pytest.approx(at_50), pytest.approx(at_75))
    assert found.precision.shape == (10, len(RECALLS), len(LABELS), len(AREAS))


def boundary(box, found, side=100):
    """Boundary AP of one rectangle that is found as another."""
    record, row = record_of(1, [(CAT, *box)], side=side), result(1, CAT, found, 0.9, side)
    return numbers_of([record], [row], "boundary")["boundary"].stats


def test_the_boundary_of_what_is_found_whole_is_right():
    assert boundary(BOX, BOX)["AP"] == pytest.approx(1)
    empty = numbers_of([record_of(1, [(CAT, *BOX)])], [], "boundary")["boundary"]
    assert empty.stats["AP"] == 0


def test_boundary_iou_by_hand():
    # 2 % of the diagonal of 100 x 100 is 2.8, so that 3 pixels inside the edge are boundary. A rectangle of
    # 60 x 40 has 2400 - 54 * 34 = 564 of them. Shifted right by two: rows 20..22 and 57..59 share 58 columns
    # (348); of the 34 rows between, the left edges 20..22 and 22..24 share one column, the right ones too
    # (68). 416 of 564 + 564 - 416: .584, while masks have 58 * 40 of 62 * 40: .935.
    iou = 416 / (2 * 564 - 416)
    assert iou == pytest.approx(0.584, abs=5e-4)
    stats = boundary(BOX, (22, 20, 60, 40))
    # Right at .50 and .55, two of ten thresholds.
    assert stats["AP"] == pytest.approx(0.2)
    assert (stats["AP50"], stats["AP75"]) == (pytest.approx(1), 0)


def test_boundary_ap_is_never_more_than_mask_ap():
    rng = np.random.default_rng(2)
    scenes = [random_scene(rng, image_id) for image_id in range(1, 25)]
    records, results = [record for record, _ in scenes], [row for _, rows in scenes for row in rows]
    numbers = numbers_of(records, results, "segm", "boundary")
    for rank in range(len(LABELS)):
        assert numbers["boundary"].average(rank) <= numbers["segm"].average(rank) + 1e-12


def test_metrics_are_the_numbers_by_name():
    record = record_of(1, [(CAT, *BOX)])
    numbers = numbers_of([record], [result(1, CAT, BOX, 0.5)], "bbox", "segm")
    metrics = as_metrics(numbers, LABELS, 1)
    assert metrics["per_class"]["cat"] == {"bbox": pytest.approx(1), "segm": pytest.approx(1)}
    assert metrics["per_class"]["dog"] == metrics["per_class"]["owl"] == {"bbox": -1, "segm": -1}
    assert list(metrics) == ["bbox", "segm", "per_class", "images"] and tuple(LABELS) == (CAT, DOG, OWL)


def test_a_crowd_counts_as_its_mask():
    """COCO's IoU with a crowd is the share of the detection in it."""
    record = record_of(1, [(CAT, *BOX)], [(CAT, 0, 70, 100, 30)])
    rows = [result(1, CAT, (5, 75, 10, 10), 0.9), result(1, CAT, BOX, 0.8)]
    assert numbers_of([record], rows, "segm")["segm"].stats["AP"] == pytest.approx(1)
    assert coco_mask.area(rows[0]["segmentation"]) == 100
