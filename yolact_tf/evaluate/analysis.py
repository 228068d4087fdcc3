"""Results against their truth: all that a report tells of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yolact_tf.data.coco.turning import as_annotated
from yolact_tf.data.split import Split
from yolact_tf.evaluate.calibration import Calibration, calibrate
from yolact_tf.evaluate.coco_numbers import CocoNumbers, Truth, as_metrics, image_order
from yolact_tf.evaluate.confusion import confusion_matrix
from yolact_tf.evaluate.curves import Curve, Operation, best_operation, score_curve
from yolact_tf.evaluate.error_split import ErrorSplit, split_errors
from yolact_tf.evaluate.image_quality import ImageQuality, image_quality
from yolact_tf.evaluate.matching import ImageMatch, judge, match_image
from yolact_tf.structures import Progress

# Above it detections count where none finds an object, so that F1 has no maximum to go by.
DEFAULT_THRESHOLD = 0.3


@dataclass(frozen=True)
class KindAnalysis:
    """Of boxes or of masks. Found is what reaches an IoU of .5, as COCO pairs."""

    coco: CocoNumbers
    num_objects: np.ndarray  # [C] int
    num_detections: np.ndarray  # [C] int, those on crowds left out
    curve: Curve  # of all classes together
    best: Operation | None  # where F1 is largest
    curves: list[Curve]  # of each class
    best_of_class: dict[int, Operation]  # class -> where its F1 is largest, if any of its objects is found
    errors: ErrorSplit
    calibration: Calibration

    @property
    def threshold(self) -> float:
        """Above which detections count in confusion and in images."""
        return self.best.threshold if self.best else DEFAULT_THRESHOLD


@dataclass(frozen=True)
class Analysis:
    """Of the detections of one model on one split."""

    labels: dict[int, str]  # category id -> name; a class is the rank of its id
    num_images: int
    boxes: KindAnalysis
    masks: KindAnalysis
    boundary: CocoNumbers
    confusion: np.ndarray  # [C + 1, C + 1], of masks above their threshold
    images: list[ImageQuality]  # of masks above their threshold
    results: dict[int | str, list[Mapping[str, Any]]]  # image id -> COCO results
    seconds: dict[str, np.ndarray] = field(default_factory=dict)  # what took time -> [images]

    @property
    def kinds(self) -> dict[str, KindAnalysis]:
        """Boxes and masks by name."""
        return {"boxes": self.boxes, "masks": self.masks}

    @property
    def thresholds(self) -> dict[str, Any]:
        """thresholds.json: the mask scores of the largest F1, `all` together and `per_class` by category id.

        A class none of whose objects is found has none.
        """
        ids = list(self.labels)
        return {
            "all": self.masks.threshold,
            "per_class": {str(ids[rank]): best.threshold for rank, best in self.masks.best_of_class.items()},
        }

    @property
    def metrics(self) -> dict[str, Any]:
        """metrics.json."""
        numbers = {"bbox": self.boxes.coco, "segm": self.masks.coco}
        return as_metrics(numbers, self.labels, self.num_images)


def analyse(
    data: Split,
    results: Sequence[Mapping[str, Any]],
    image_ids: Collection[int | str] | None = None,
    progress: Progress | None = None,
) -> Analysis:
    """The Analysis of COCO `results` against the objects of `data`, in the pixels of its annotation file.

    image_ids: the images that count, by default all.  progress: called as progress(done, total) after each.
    """
    truth, ranks = Truth(data.labels), {category: rank for rank, category in enumerate(data.labels)}
    by_image: dict[int | str, list[Mapping[str, Any]]] = {}
    for row in results:
        by_image.setdefault(row["image_id"], []).append(row)
    matches: list[tuple[int | str, ImageMatch, ImageMatch]] = []
    for done, record in enumerate(data.records, 1):
        if image_ids is None or record.image_id in image_ids:
            truth.add(record)
            annotated, rows = as_annotated(record), by_image.get(record.image_id, [])
            boxes, masks = (match_image(annotated, rows, ranks, kind) for kind in ("bbox", "segm"))
            matches.append((record.image_id, boxes, masks))
        if progress:
            progress(done, data.num_images)
    # As COCO takes them, where scores are equal.
    matches.sort(key=lambda of_image: image_order(of_image[0]))
    ids, of_boxes, of_masks = zip(*matches, strict=True)
    coco = truth.numbers(results, ("bbox", "segm", "boundary"))
    found = _analyse_kind(coco["segm"], of_masks, len(ranks))
    return Analysis(
        data.labels,
        len(ids),
        _analyse_kind(coco["bbox"], of_boxes, len(ranks)),
        found,
        coco["boundary"],
        confusion_matrix(of_masks, len(ranks), found.threshold),
        [image_quality(*of_image, found.threshold) for of_image in zip(ids, of_masks, strict=True)],
        by_image,
    )


def _analyse_kind(coco, matches, num_classes):
    judged = judge(matches, num_classes)
    curve = score_curve(judged.scores, judged.is_true, int(judged.num_objects.sum()))
    is_class = [judged.classes == rank for rank in range(num_classes)]
    curves = [
        score_curve(judged.scores[mine], judged.is_true[mine], int(num_objects))
        for mine, num_objects in zip(is_class, judged.num_objects, strict=True)
    ]
    best_of_class = {rank: best for rank, own in enumerate(curves) if (best := best_operation(own))}
    return KindAnalysis(
        coco,
        judged.num_objects,
        np.bincount(judged.classes, minlength=num_classes),
        curve,
        best_operation(curve),
        curves,
        best_of_class,
        split_errors(matches, num_classes),
        calibrate(judged.scores, judged.is_true),
    )
