"""COCO average precision of boxes and masks (pycocotools' definition, computed by faster-coco-eval)."""

import logging

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from yolact_tf.data.load import load_data
from yolact_tf.reference_ap import ReferenceAP

STATS = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")
logging.getLogger("faster_coco_eval").setLevel(logging.ERROR)


def evaluate(detector, data, split="val", progress=None, reference_protocol=False, observe=None):
    """(metrics, results) of a detector on one split.

    data: a data folder, or what `load_data` made of one.  metrics: `bbox` and `segm` dicts of the twelve
    COCO numbers (fractions, -1 where COCO has none), `per_class` and `images`; masks are ranked by
    `mask_score` where results have it (YOLACT++).  results: COCO results, one dict a detection.
    progress: called as progress(done, total) after each image.  reference_protocol: adds `reference` to
    the metrics, the numbers of the original's own evaluator (`ReferenceAP`).  observe: called for each
    image in turn as observe(record, image, detections).
    """
    data = load_data(data, split)
    if detector.labels != data.labels:
        raise ValueError(
            f"{data.origin}: expected the model's categories {_short(detector.labels)}. "
            f"Received: {_short(data.labels)}"
        )
    results = []
    reference = ReferenceAP(data.labels) if reference_protocol else None
    for done, record in enumerate(data.records, 1):
        image = record.read_image()
        detections = detector(image)
        results += detections.to_coco(record.image_id)
        if reference:
            reference.add(detections, record)
        if observe:
            observe(record, image, detections)
        if progress:
            progress(done, data.num_images)
    metrics = coco_metrics(data, results)
    if reference:
        metrics["reference"] = reference.result()
    return metrics, results


def coco_metrics(data, results):
    """metrics.json of COCO `results` against the annotations of `data`, as `load_data` gives it."""
    truth = _coco_truth(data)
    names = list(data.labels.values())
    per_class = {name: {} for name in names}
    metrics = {}
    for kind in ("bbox", "segm"):
        stats, precision = _run_coco_eval(truth, results, kind)
        metrics[kind] = dict(zip(STATS, (float(s) for s in stats), strict=True))
        for k, name in enumerate(names):
            of_class = precision[:, :, k]  # [thresholds, recalls], -1 where nothing counts
            of_class = of_class[of_class > -1]
            per_class[name][kind] = float(of_class.mean()) if of_class.size else -1.0
    return {**metrics, "per_class": per_class, "images": data.num_images}


def _short(labels):
    text = str(labels)
    return text if len(text) <= 160 else f"{text[:160]}… ({len(labels)})"


def _coco_truth(data):
    """The annotations of `data` as a COCO object."""
    content = data.coco_content()
    for number, annotation in enumerate(content["annotations"], 1):
        annotation["id"] = number  # COCO's evaluation takes an id of 0 for no match
        annotation.setdefault("iscrowd", 0)
        if "area" not in annotation:
            annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    return COCO(content)


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
