import dataclasses
import types

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.coco_folder import rectangle
from yolact_tf.data.coco.segmentation import decode_counts
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.record import Record, xywh_of
from yolact_tf.evaluate.average_precision import coco_metrics
from yolact_tf.evaluate.reference_ap import ReferenceAP

LABELS = {3: "cat", 5: "dog", 8: "owl"}
THRESHOLDS = [percent / 100 for percent in range(50, 100, 5)]
SIDE = 64  # a power of two, so that whole pixels survive the way to 0..1 and back


def filled(box, side):
    """RLE of a rectangle of pixels."""
    x1, y1, x2, y2 = (int(v) for v in box)
    mask = np.zeros((side, side), np.uint8, order="F")
    mask[y1:y2, x1:x2] = 1
    return coco_mask.encode(mask)


def make_record(boxes, ids=None, is_crowd=None, side=SIDE):
    """A Record of rectangles in pixels, cats and no crowds unless said otherwise."""
    ids = [3] * len(boxes) if ids is None else ids
    is_crowd = [False] * len(boxes) if is_crowd is None else is_crowd
    relative = (np.reshape(boxes, (-1, 4)) / side).astype("float32")
    return Record(
        image_id=1,
        path="",
        height=side,
        width=side,
        boxes=relative,
        xywh=xywh_of(relative, side, side),
        classes=np.array([list(LABELS).index(i) for i in ids], "int32"),
        is_crowd=np.array(is_crowd, bool),
        areas=np.zeros(len(boxes)),
        runs=tuple(decode_counts(filled(box, side)["counts"]).astype("int32") for box in boxes),
    )


def make_detections(boxes, scores, ids=None, mask_scores=None, rle=None, side=SIDE):
    """What ReferenceAP reads of Detections; masks are the boxes unless given."""
    rle = [filled(box, side) for box in boxes] if rle is None else rle
    return types.SimpleNamespace(
        boxes=np.reshape(boxes, (-1, 4)).astype("float32"),
        scores=np.array(scores, "float32"),
        mask_scores=np.array(scores if mask_scores is None else mask_scores, "float32"),
        class_ids=np.array([3] * len(boxes) if ids is None else ids, int),
        rle=[{"size": list(r["size"]), "counts": r["counts"].decode("ascii")} for r in rle],
    )


def reference(*images):
    """Result over images, each (detections, record)."""
    collected = ReferenceAP(LABELS)
    for detections, record in images:
        collected.add(detections, record)
    return collected.result()


def coco(annotations, detections):
    """COCO's AP of boxes, of cats as `rectangle`s and (image id, box, category id, score)s."""
    records = []
    for image_id in (1, 2):
        own = [a for a in annotations if a["image_id"] == image_id]
        corners = [(x, y, x + w, y + h) for x, y, w, h in (a["bbox"] for a in own)]
        record = make_record(corners, [a["category_id"] for a in own], [bool(a["iscrowd"]) for a in own])
        records.append(dataclasses.replace(record, image_id=image_id))
    results = [
        {
            "image_id": image_id,
            "category_id": category,
            "score": score,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "segmentation": filled((x1, y1, x2, y2), SIDE),
        }
        for image_id, (x1, y1, x2, y2), category, score in detections
    ]
    data = types.SimpleNamespace(records=records, labels=LABELS)
    return coco_metrics(data, results)["bbox"]["AP"]


def random_scene(rng):
    """An image of objects, crowds and tiny ones, and what a poor detector says of it."""
    corners = rng.integers(0, 40, (rng.integers(0, 7), 2)) + rng.choice([0, 0.5])
    sizes = rng.integers(4, 24, corners.shape) * np.where(rng.uniform(size=corners.shape) < 0.1, 0.02, 1)
    boxes = np.concatenate([corners, corners + sizes], 1)
    ids = rng.choice(list(LABELS), len(boxes))
    record = make_record(boxes, ids, rng.uniform(size=len(boxes)) < 0.2)
    chosen = rng.integers(0, max(len(boxes), 1), rng.integers(0, 12))
    candidates = boxes if len(boxes) else np.array([[5, 5, 20, 20]])
    found = np.sort((candidates[chosen] + rng.integers(-2, 3, (len(chosen), 4))).reshape(-1, 2, 2), 1)
    found = np.clip(found.reshape(-1, 4) + rng.choice([0, 0.75]), 0, SIDE)
    relabelled = np.where(rng.uniform(size=len(chosen)) < 0.2, 8, ids[chosen] if len(ids) else 5)
    scores = rng.uniform(size=(2, len(chosen)))
    return make_detections(found, scores[0], relabelled, scores[1]), record


def noisy_detections(data, seed):
    """The truth of each record, shifted, rescored, relabelled, dropped and doubled at random."""
    rng = np.random.default_rng(seed)
    ids = np.array(list(data.labels))
    for record in data.records:
        kept = np.repeat(np.arange(len(record.runs)), rng.integers(0, 3, len(record.runs)))
        rle = []
        for runs in (record.runs[i] for i in kept):
            flat = np.repeat(np.arange(len(runs)) % 2, runs).astype("uint8")
            mask = flat.reshape(record.width, record.height).T
            rle.append(coco_mask.encode(np.asfortranarray(np.roll(mask, rng.integers(-9, 10, 2), (0, 1)))))
        size = np.array([record.width, record.height] * 2)
        boxes = np.clip(record.boxes[kept] * size + rng.uniform(-9, 9, (len(kept), 4)), 0, size)
        found = np.where(rng.uniform(size=len(kept)) < 0.1, rng.choice(ids), ids[record.classes[kept]])
        scores = rng.uniform(size=(2, len(kept)))
        yield make_detections(boxes, scores[0], found, scores[1], rle), record


def slow_result(labels, images):
    """The definition of `ReferenceAP`, one threshold, category, image and detection at a time."""
    images = [slow_image(list(labels), *image) for image in images if is_evaluated(*image)]
    result = {}
    for kind in ("bbox", "segm"):
        result[kind] = {}
        for threshold in THRESHOLDS:
            per_class = [slow_class(images, kind, category, threshold) for category in labels]
            counted = [precision for precision in per_class if precision is not None]
            result[kind][f"AP{threshold * 100:.0f}"] = sum(counted) / len(counted)
        result[kind] = {"AP": sum(result[kind].values()) / 10, **result[kind]}
    return result


def is_evaluated(detections, record):
    return len(detections.scores) > 0 and any(is_large(box) for box in record.boxes)


def is_large(box):
    x1, y1, x2, y2 = box
    return x2 - x1 > np.float32(4 / 550) and y2 - y1 > np.float32(4 / 550)


def slow_image(category_ids, detections, record):
    scale = np.float32([record.width, record.height, record.width, record.height])
    objects, found = [], []
    for i, box in enumerate(record.boxes):
        if is_large(box) and not record.is_crowd[i]:
            runs = record.runs[i]
            mask = np.repeat(np.arange(len(runs)) % 2, runs).reshape(record.width, record.height).T
            objects.append((category_ids[record.classes[i]], [float(v) for v in box * scale], mask > 0))
    for i in range(len(detections.scores)):
        order = {"bbox": detections.scores[i], "segm": detections.mask_scores[i]}
        box, mask = [int(v) for v in detections.boxes[i]], coco_mask.decode(detections.rle[i]) > 0
        ious = [
            {"bbox": slow_box_iou(box, gt_box), "segm": slow_mask_iou(mask, gt_mask)}
            if category == detections.class_ids[i]
            else None
            for category, gt_box, gt_mask in objects
        ]
        found.append((detections.class_ids[i], order, ious))
    return [category for category, _, _ in objects], found


def slow_box_iou(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (first, second)]
    return shared / (sum(areas) - shared)


def slow_mask_iou(first, second):
    either = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / either if either else 0.0


def slow_class(images, kind, category, threshold):
    """AP of a category at a threshold, None where it is nowhere."""
    judged, num_gt = [], 0
    for gt_categories, found in images:
        num_gt += gt_categories.count(category)
        used = set()
        mine = [(order[kind], ious) for class_id, order, ious in found if class_id == category]
        for score, ious in sorted(mine, key=lambda pair: -pair[0]):
            best, best_iou = None, threshold
            for j, iou in enumerate(ious):
                if iou is not None and j not in used and iou[kind] > best_iou:
                    best, best_iou = j, iou[kind]
            used.add(best)
            judged.append((score, best is not None))
    if not judged and not num_gt:
        return None
    return slow_average_precision(judged, num_gt)


def slow_average_precision(judged, num_gt):
    if not num_gt:
        return 0
    points, right = [], 0
    for count, (_, is_true) in enumerate(sorted(judged, key=lambda pair: -pair[0]), 1):
        right += is_true
        points.append((right / num_gt, right / count))
    sampled = [
        max((precision for recall, precision in points if recall >= percent / 100), default=0)
        for percent in range(101)
    ]
    return sum(sampled) / 101


def test_perfect_detections_score_one():
    boxes, ids = [[0, 0, 20, 10], [5, 5, 40, 60], [30, 2, 50, 9]], [3, 3, 8]
    result = reference((make_detections(boxes, [0.3, 0.9, 0.5], ids), make_record(boxes, ids)))
    for kind in ("bbox", "segm"):
        assert list(result[kind]) == ["AP", *(f"AP{percent}" for percent in range(50, 100, 5))]
        assert set(result[kind].values()) == {1.0}


def test_nothing_scores_zero():
    result = reference((make_detections([], []), make_record([[0, 0, 9, 9]])))
    assert result == reference()
    assert set(result["bbox"].values()) == set(result["segm"].values()) == {0.0}


def test_an_iou_equal_to_the_threshold_is_no_match():
    truth = make_record([[0, 0, 10, 20]])  # 200 pixels
    half = reference((make_detections([[0, 0, 10, 10]], [0.9]), truth))
    more = reference((make_detections([[0, 0, 10, 11]], [0.9]), truth))  # 110 / 200 = .55
    for kind in ("bbox", "segm"):
        assert half[kind]["AP50"] == 0
        assert (more[kind]["AP50"], more[kind]["AP55"]) == (1, 0)
        assert more[kind]["AP"] == pytest.approx(0.1)


def test_a_detection_on_a_crowd_is_wrong():
    cat, crowd = [0, 0, 10, 20], [30, 30, 60, 60]
    result = reference(
        (make_detections([cat, crowd], [0.8, 0.9]), make_record([cat, crowd], is_crowd=[False, True]))
    )
    # The first of two detections is wrong: precision 1/2 at every recall.
    assert result["bbox"]["AP"] == result["segm"]["AP"] == pytest.approx(0.5)
    annotations = [rectangle(1, 0, 0, 10, 20, 3), rectangle(1, 30, 30, 30, 30, 3, is_crowd=1)]
    assert coco(annotations, [(1, cat, 3, 0.8), (1, crowd, 3, 0.9)]) == pytest.approx(1)


def test_an_image_of_a_crowd_alone_counts():
    cat = [0, 0, 10, 20]
    seen = (make_detections([cat], [0.8]), make_record([cat]))
    crowd = (make_detections([cat], [0.9]), make_record([cat], is_crowd=[True]))
    assert reference(seen, crowd)["bbox"]["AP"] == pytest.approx(0.5)


def test_an_image_without_detections_is_skipped():
    cat = [0, 0, 10, 20]
    result = reference(
        (make_detections([cat], [0.8]), make_record([cat])), (make_detections([], []), make_record([cat]))
    )
    assert result["bbox"]["AP"] == result["segm"]["AP"] == 1
    annotations = [rectangle(1, 0, 0, 10, 20, 3), rectangle(2, 0, 0, 10, 20, 3)]
    # COCO: half the objects, recalls 0 .. .50.
    assert coco(annotations, [(1, cat, 3, 0.8)]) == pytest.approx(51 / 101)


def test_an_image_without_annotations_is_skipped():
    cat = [0, 0, 10, 20]
    seen = (make_detections([cat], [0.8]), make_record([cat]))
    unannotated = (make_detections([cat], [0.9]), make_record([]))
    assert reference(seen, unannotated)["segm"]["AP"] == 1


def test_a_category_with_detections_alone_counts_as_zero():
    cat = [0, 0, 10, 20]
    result = reference((make_detections([cat, cat], [0.8, 0.7], [3, 5]), make_record([cat])))
    assert result["bbox"]["AP"] == result["segm"]["AP"] == 0.5  # cat 1, dog 0, no owl
    detections = [(1, cat, 3, 0.8), (1, cat, 5, 0.7)]
    assert coco([rectangle(1, 0, 0, 10, 20, 3)], detections) == pytest.approx(1)


@pytest.mark.parametrize("narrow", [[0, 0, 4, 100], [0, 0, 100, 4]])
def test_tiny_objects_do_not_exist(narrow):
    cat, wider = [200, 200, 400, 300], [0, 0, *(v + 1 for v in narrow[2:])]
    found = make_detections([cat], [0.8], side=550)
    assert reference((found, make_record([cat, narrow], side=550)))["bbox"]["AP"] == 1
    assert reference((found, make_record([cat, wider], side=550)))["bbox"]["AP"] == pytest.approx(51 / 101)
    # Of tiny ones alone, the image is not there: its better-scored detection is not wrong.
    emptied = (make_detections([cat], [0.9], side=550), make_record([narrow], side=550))
    seen = (found, make_record([cat], side=550))
    assert reference(seen, emptied)["bbox"]["AP"] == 1


def test_boxes_of_detections_are_cut_to_whole_pixels():
    truth = make_record([[2, 3, 12, 23]])
    exact = make_detections([[2.9, 3.9, 12.9, 23.9]], [0.8])
    assert reference((exact, truth))["bbox"]["AP95"] == 1
    # Rounding would be exact here; cutting leaves 9 · 19 of 10 · 20 pixels: .855.
    short = make_detections([[2.0, 3.0, 11.9, 22.9]], [0.8])
    result = reference((short, truth))["bbox"]
    assert (result["AP85"], result["AP90"]) == (1, 0)


def test_the_truth_keeps_its_fractions():
    # 10 · 20 pixels, of a truth of 10.5 · 20: IoU .952. Cut to whole pixels, it would be 1.
    truth = make_record([[2, 3, 12.5, 23]])
    assert reference((make_detections([[2, 3, 12, 23]], [0.8]), truth))["bbox"]["AP95"] == 1
    assert reference((make_detections([[2, 3, 13, 23]], [0.8]), truth))["bbox"]["AP95"] == 1
    truth = make_record([[2, 3, 12.6, 23]])
    assert reference((make_detections([[2, 3, 12, 23]], [0.8]), truth))["bbox"]["AP95"] == 0


def test_boxes_without_area_match_nothing():
    truth = make_record([[0, 0, 10, 20]])
    result = reference((make_detections([[3.2, 3.2, 3.9, 9], [0, 0, 10, 20]], [0.9, 0.8]), truth))
    assert result["bbox"]["AP"] == result["segm"]["AP"] == pytest.approx(0.5)


def test_masks_are_ordered_by_their_own_scores():
    cat, nothing = [0, 0, 10, 20], [40, 40, 60, 60]
    detections = make_detections([cat, nothing], [0.9, 0.8], mask_scores=[0.1, 0.8])
    result = reference((detections, make_record([cat])))
    assert result["bbox"]["AP"] == 1
    assert result["segm"]["AP"] == pytest.approx(0.5)


def test_the_largest_iou_among_untaken_objects_is_taken():
    narrow, wide = [0, 0, 10, 20], [0, 0, 12, 20]
    # The first takes the wide object (IoU 1), not the narrow one (10/12); the second would rather
    # have the wide one too (12/13) and gets the narrow one (10/13 = .77).
    detections = make_detections([wide, [0, 0, 13, 20]], [0.9, 0.8])
    result = reference((detections, make_record([narrow, wide])))
    for kind in ("bbox", "segm"):
        assert result[kind]["AP75"] == 1
        assert result[kind]["AP80"] == pytest.approx(51 / 101)


def test_the_order_of_images_changes_nothing():
    rng = np.random.default_rng(1)
    images = [random_scene(rng) for _ in range(20)]
    assert reference(*images) == reference(*images[::-1])


def test_foreign_category_ids_are_refused():
    detections = make_detections([[0, 0, 9, 9]] * 2, [0.9, 0.8], [3, 4])
    with pytest.raises(ValueError, match=r"among the 3 category ids of `labels`. Received: \[4\]"):
        reference((detections, make_record([[0, 0, 9, 9]])))


@pytest.mark.parametrize("seed", range(8))
def test_random_scenes_agree_with_plain_loops(seed):
    rng = np.random.default_rng(seed)
    images = [random_scene(rng) for _ in range(12)]
    result, expected = reference(*images), slow_result(LABELS, images)
    assert 0 < result["bbox"]["AP"] < 1
    for kind in ("bbox", "segm"):
        assert result[kind] == pytest.approx(expected[kind], abs=1e-12)


def test_real_annotations_agree_with_plain_loops(shared_data):
    data = load_coco(shared_data / "coco100", "val")
    images = list(noisy_detections(data, seed=0))
    collected = ReferenceAP(data.labels)
    for detections, record in images:
        collected.add(detections, record)
    result, expected = collected.result(), slow_result(data.labels, images)
    for kind in ("bbox", "segm"):
        assert 0 < result[kind]["AP"] < 1
        assert result[kind] == pytest.approx(expected[kind], abs=1e-12)
