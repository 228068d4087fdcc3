"""COCO average precision of boxes and masks (pycocotools' definition, computed by faster-coco-eval)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from pycocotools import mask as coco_mask

from yolact_tf.config import DataConfig
from yolact_tf.data.coco.turning import as_annotated, turn_annotation
from yolact_tf.data.load import load_data
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.data.unreadable import most_lost
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate.reference_ap import ReferenceAP
from yolact_tf.files import PathLike
from yolact_tf.images.orientation import undoing
from yolact_tf.labels import distinct_names
from yolact_tf.structures import Progress

STATS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
logger = logging.getLogger(__name__)
logging.getLogger("faster_coco_eval").setLevel(logging.ERROR)


def evaluate(
    detector: Detector,
    data: PathLike | Split,
    split: str = "val",
    progress: Progress | None = None,
    reference_protocol: bool = False,
    observe: Callable[[Record, np.ndarray, Detections], None] | None = None,
    on_error: str = "skip",
    max_unreadable: float = DataConfig.max_unreadable,
    boxless: str = DataConfig.boxless,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, results) of a detector on one split.

    data: a data folder, or what `load_data` made of one.  metrics: `bbox` and `segm` dicts of the twelve
    COCO numbers (fractions, -1 where COCO has none), `per_class` and `images`; masks are ranked by
    `mask_score` where results have it (YOLACT++).  results: COCO results, one dict a detection, in the
    pixels of the annotation file: where these are of an image as it is stored, results are as well.
    progress: called as progress(done, total) after each image, lost ones too.  reference_protocol: adds
    `reference` to the metrics, the numbers of the original's own evaluator (`ReferenceAP`).  observe:
    called for each image in turn as observe(record, image, detections).
    on_error: as `load_data` has it. An image that cannot be read by now is left out of all numbers, which
    a line of the log says ("skip"), or raises ("refuse").  max_unreadable: share that may be left out so.
    boxless: as `load_data` has it.
    The truth is what loading made of the annotations: what it leaves out does not count.
    """
    data = load_data(data, split, on_error, boxless)
    if detector.labels != data.labels:
        raise ValueError(
            f"{data.origin}: expected the model's categories {_short(detector.labels)}. "
            f"Received: {_short(data.labels)}"
        )
    truth, results = _Truth(data.labels), []
    reference = ReferenceAP(data.labels) if reference_protocol else None
    for record, image in _readable(data, on_error, max_unreadable, progress):
        detections = detector(image)
        truth.add(record)
        results += results_as_annotated(detections.to_coco(record.image_id), record)
        if reference:
            reference.add(detections, record)
        if observe:
            observe(record, image, detections)
    metrics = truth.metrics(results)
    if reference:
        metrics["reference"] = reference.result()
    return metrics, results


def results_as_annotated(results: list[dict[str, Any]], record: Record) -> list[dict[str, Any]]:
    """COCO results of an upright image in the pixels of its annotation file."""
    if record.turned == 1:
        return results
    size = record.width, record.height
    return [turn_annotation(row, size, undoing(record.turned)) for row in results]


def _readable(
    data: Split, on_error: str, max_unreadable: float, progress: Progress | None
) -> Iterator[tuple[Record, np.ndarray]]:
    """(record, image) of each image that can be read, in turn; tells how many cannot, and the first."""
    num_lost, first = 0, None
    allowed = most_lost(max_unreadable, data.num_images)
    for done, record in enumerate(data.records, 1):
        try:
            image = record.read_image()
        except (ValueError, OSError) as error:
            num_lost, first = num_lost + 1, first or error
            if on_error == "refuse":
                raise
            if num_lost > allowed:
                raise type(error)(
                    f"{data.origin}: expected at most {allowed} of {data.num_images} images to be "
                    f"unreadable (`data.max_unreadable`). Received: {num_lost}, the first {first}"
                ) from None
        else:
            yield record, image
        if progress:
            progress(done, data.num_images)
    if first:
        logger.warning(
            "%s: left out %d of %d images, the first %s", data.origin, num_lost, data.num_images, first
        )


def coco_metrics(data: Split, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """metrics.json of COCO `results` against the objects of `data`, as `load_data` gives it."""
    truth = _Truth(data.labels)
    for record in data.records:
        truth.add(record)
    return truth.metrics(results)


def _short(labels):
    text = str(labels)
    return text if len(text) <= 160 else f"{text[:160]}… ({len(labels)})"


class _Truth:
    """Collects the Records of a split as COCO ground truth, numbered by ourselves.

    An image's own number may be text, and COCO's evaluation takes an annotation id of 0 for no match.
    """

    def __init__(self, labels):
        self.labels = labels
        self._images, self._annotations, self._number_of = [], [], {}

    def add(self, record):
        """Takes in an image and its objects, in the pixels of their annotation file."""
        record = as_annotated(record)
        number = self._number_of.setdefault(record.image_id, len(self._images) + 1)
        size = [record.height, record.width]
        self._images.append({"id": number, "height": size[0], "width": size[1]})
        ids = list(self.labels)
        for row, runs in enumerate(record.runs):
            rle = coco_mask.frPyObjects({"size": size, "counts": runs.tolist()}, *size)
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": ids[record.classes[row]],
                    "bbox": record.xywh[row].tolist(),
                    "area": float(record.areas[row]),
                    "iscrowd": int(record.is_crowd[row]),
                    "segmentation": {"size": size, "counts": rle["counts"].decode("ascii")},
                }
            )

    def metrics(self, results):
        """metrics.json of COCO `results`."""
        categories = [{"id": key, "name": name} for key, name in self.labels.items()]
        truth = COCO({"images": self._images, "annotations": self._annotations, "categories": categories})
        results = [{**row, "image_id": self._number_of[row["image_id"]]} for row in results]
        names = distinct_names(self.labels)
        per_class = {name: {} for name in names}
        metrics = {}
        for kind in ("bbox", "segm"):
            stats, precision = _run_coco_eval(truth, results, kind)
            metrics[kind] = dict(zip(STATS, (float(s) for s in stats), strict=True))
            for k, name in enumerate(names):
                of_class = precision[:, :, k]  # [thresholds, recalls], -1 where nothing counts
                of_class = of_class[of_class > -1]
                per_class[name][kind] = float(of_class.mean()) if of_class.size else -1.0
        return {**metrics, "per_class": per_class, "images": len(self._images)}


def _score(row, kind):
    """What AP of `kind` ranks a result by: YOLACT++ has a score of its own for masks."""
    return row.get("mask_score", row["score"]) if kind == "segm" else row["score"]


def _run_coco_eval(truth, results, kind):
    """(12 statistics, precision [thresholds, recalls, classes] over all areas, 100 detections)."""
    if not results:
        empty = np.full((10, 101, len(truth.getCatIds())), -1.0)
        for k, category in enumerate(truth.getCatIds()):
            if truth.getAnnIds(catIds=[category], iscrowd=False):
                empty[:, :, k] = 0.0
        has_objects = (empty > -1).any()
        return [0.0 if has_objects else -1.0] * len(STATS), empty
    # loadRes writes into the rows that it is given.
    copies = [
        {**row, "score": _score(row, kind), "segmentation": dict(row["segmentation"])} for row in results
    ]
    evaluation = COCOeval_faster(truth, truth.loadRes(copies), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[: len(STATS)], evaluation.eval["precision"][:, :, :, 0, -1]
