"""Images of rectangles and what a detector says of them, for tests of what is made of results."""

from types import SimpleNamespace

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.segmentation import decode_counts
from yolact_tf.data.record import Record, corners_of
from yolact_tf.evaluate.matching import match_image

SIDE = 100
LABELS = {3: "cat", 5: "dog", 8: "owl"}  # classes 0, 1 and 2
CAT, DOG, OWL = LABELS


def rectangle_rle(box, side=SIDE):
    """Compressed RLE of the pixels of x, y, width, height."""
    x, y, width, height = (int(v) for v in box)
    mask = np.zeros((side, side), np.uint8, order="F")
    mask[y : y + height, x : x + width] = 1
    rle = coco_mask.encode(mask)
    return {"size": [side, side], "counts": rle["counts"].decode("ascii")}


def record_of(image_id, objects, crowds=(), side=SIDE, path=""):
    """A Record. objects, crowds: (category id, x, y, width, height)."""
    everything = [*objects, *crowds]
    xywh = np.array([box for _, *box in everything], float).reshape(-1, 4)
    return Record(
        image_id=image_id,
        path=path,
        height=side,
        width=side,
        boxes=corners_of(xywh, side, side),
        classes=np.array([list(LABELS).index(category) for category, *_ in everything], np.int32),
        is_crowd=np.arange(len(everything)) >= len(objects),
        areas=xywh[:, 2] * xywh[:, 3],
        runs=tuple(
            decode_counts(rectangle_rle(box, side)["counts"]).astype(np.int32) for _, *box in everything
        ),
        xywh=xywh,
    )


def split_of(records):
    """What evaluation asks of a Split."""
    return SimpleNamespace(records=records, labels=LABELS, origin="scenes", num_images=len(records))


def result(image_id, category, box, score, side=SIDE):
    """A COCO result of a rectangle."""
    return {
        "image_id": image_id,
        "category_id": category,
        "bbox": [float(v) for v in box],
        "score": score,
        "segmentation": rectangle_rle(box, side),
    }


def match(objects, detections, crowds=(), kind="segm", image_id=1):
    """The ImageMatch of a scene. detections: (category id, x, y, width, height, score)."""
    rows = [result(image_id, category, box, score) for category, *box, score in detections]
    ranks = {category: rank for rank, category in enumerate(LABELS)}
    return match_image(record_of(image_id, objects, crowds), rows, ranks, kind)


def random_scene(rng, image_id):
    """(Record, COCO results) of rectangles, crowds among them, found well, badly, twice and not at all."""
    corners = rng.integers(0, 70, (rng.integers(0, 8), 2))
    boxes = np.concatenate([corners, rng.integers(4, 30, corners.shape)], 1)
    categories = rng.choice(list(LABELS), len(boxes))
    objects = [(category, *box) for category, box in zip(categories, boxes, strict=True)]
    num_crowds = int(rng.integers(0, 2)) if objects else 0
    record = record_of(image_id, objects[num_crowds:], objects[:num_crowds])
    results = []
    for category, *box in [objects[i] for i in rng.integers(0, len(objects) or 1, 9) if objects]:
        moved = np.clip(np.array(box) + rng.integers(-4, 5, 4), (0, 0, 1, 1), (90, 90, 30, 30))
        moved[2:] = np.minimum(moved[2:], SIDE - moved[:2])
        wrong = rng.uniform() < 0.2
        # Few different scores, so that some are equal.
        score = float(rng.integers(1, 20)) / 20
        results.append(
            result(image_id, int(rng.choice(list(LABELS))) if wrong else int(category), moved, score)
        )
    return record, results
