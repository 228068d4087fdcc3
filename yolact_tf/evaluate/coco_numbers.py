"""COCO's numbers of results against a truth (pycocotools' definition, computed by faster-coco-eval)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.turning import as_annotated
from yolact_tf.data.record import Record
from yolact_tf.evaluate.boundary import BoundaryEvaluation
from yolact_tf.labels import distinct_names

STATS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
AREAS = ("all", "small", "medium", "large")
MOST_DETECTIONS = 100  # of a class in an image, the best ones, that COCO counts
logging.getLogger("faster_coco_eval").setLevel(logging.ERROR)


class CocoNumbers(NamedTuple):
    """What COCO says of results, and what that is the mean of."""

    stats: dict[str, float]  # the twelve of STATS, fractions; -1 where COCO has none
    # [10 IoU thresholds from .5, 101 recalls, C classes, 4 AREAS] of 100 detections; -1 where nothing counts
    precision: np.ndarray

    def average(self, rank: int, area: str = "all", threshold: int | None = None) -> float:
        """AP of the class of this rank on objects of an area, of one IoU threshold or the mean over all; -1
        where it has no such objects."""
        of_class = self.precision[:, :, rank, AREAS.index(area)]
        counted = (of_class if threshold is None else of_class[threshold]).ravel()
        counted = counted[counted > -1]
        return float(counted.mean()) if counted.size else -1.0


class Truth:
    """Collects the Records of a split as COCO ground truth, numbered by ourselves.

    An image's own number may be text, and COCO's evaluation takes an annotation id of 0 for no match. Ours
    follow the order of the images' own numbers, by which COCO orders equal scores.
    """

    def __init__(self, labels: dict[int, str]):
        self.labels = labels
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, record: Record) -> None:
        """Takes in an image and its objects, in the pixels of their annotation file."""
        record = as_annotated(record)
        self._images.append({"id": record.image_id, "height": record.height, "width": record.width})
        ids = list(self.labels)
        for row, rle in enumerate(object_masks(record)):
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": record.image_id,
                    "category_id": ids[record.classes[row]],
                    "bbox": record.xywh[row].tolist(),
                    "area": float(record.areas[row]),
                    "iscrowd": int(record.is_crowd[row]),
                    "segmentation": {"size": rle["size"], "counts": rle["counts"].decode("ascii")},
                }
            )

    def numbers(
        self, results: Sequence[Mapping[str, Any]], kinds: Iterable[str] = ("bbox", "segm")
    ) -> dict[str, CocoNumbers]:
        """{kind: CocoNumbers} of COCO `results`, of "bbox", "segm" or "boundary" (`BoundaryEvaluation`)."""
        ids = sorted({image["id"] for image in self._images}, key=image_order)
        number_of = {image_id: number for number, image_id in enumerate(ids, 1)}
        truth = COCO(
            {
                "images": [{**image, "id": number_of[image["id"]]} for image in self._images],
                "annotations": [{**a, "image_id": number_of[a["image_id"]]} for a in self._annotations],
                "categories": [{"id": key, "name": name} for key, name in self.labels.items()],
            }
        )
        rows = [{**row, "image_id": number_of[row["image_id"]]} for row in results]
        return {kind: _coco_numbers(truth, rows, kind) for kind in kinds}

    def metrics(self, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """metrics.json of COCO `results`."""
        return as_metrics(self.numbers(results), self.labels, len(self._images))


def as_metrics(numbers: Mapping[str, CocoNumbers], labels: dict[int, str], num_images: int) -> dict[str, Any]:
    """metrics.json of the CocoNumbers of boxes and of masks."""
    kinds = ("bbox", "segm")
    per_class = {
        name: {kind: numbers[kind].average(rank) for kind in kinds}
        for rank, name in enumerate(distinct_names(labels))
    }
    return {
        **{kind: dict(numbers[kind].stats) for kind in kinds},
        "per_class": per_class,
        "images": num_images,
    }


def image_order(image_id: int | str) -> tuple[bool, int | str]:
    """A key that sorts images by number, as COCO takes them, those with a text last."""
    return isinstance(image_id, str), image_id


def object_masks(record: Record) -> list[dict[str, Any]]:
    """The masks of a Record's objects as compressed RLE, with `counts` in bytes."""
    size = [record.height, record.width]
    runs = [{"size": size, "counts": of_object.tolist()} for of_object in record.runs]
    return coco_mask.frPyObjects(runs, *size) if runs else []


def ranking_score(row: Mapping[str, Any], kind: str) -> float:
    """What AP of `kind` ranks a result by: YOLACT++ has a score of its own for masks."""
    return row["score"] if kind == "bbox" else row.get("mask_score", row["score"])


def _coco_numbers(truth, results, kind):
    if not results:
        return _numbers_of_nothing(truth)
    copies = [_row_of_kind(row, kind) for row in results]
    of_kind = BoundaryEvaluation if kind == "boundary" else COCOeval_faster
    evaluation = of_kind(truth, truth.loadRes(copies), "bbox" if kind == "bbox" else "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    stats = dict(zip(STATS, map(float, evaluation.stats[: len(STATS)]), strict=True))
    return CocoNumbers(stats, evaluation.eval["precision"][..., -1])


def _row_of_kind(row, kind):
    """A copy of a result, since loadRes writes into rows. Of masks without the box, by whose area loadRes
    would tell small ones from large ones."""
    copy = {**row, "score": ranking_score(row, kind), "segmentation": dict(row["segmentation"])}
    if kind != "bbox":
        del copy["bbox"]
    return copy


def _numbers_of_nothing(truth):
    """0 for each class that has objects."""
    precision = np.full((10, 101, len(truth.getCatIds()), len(AREAS)), -1.0)
    for rank, category in enumerate(truth.getCatIds()):
        if truth.getAnnIds(catIds=[category], iscrowd=False):
            precision[:, :, rank] = 0.0
    has_objects = (precision > -1).any()
    return CocoNumbers(dict.fromkeys(STATS, 0.0 if has_objects else -1.0), precision)
