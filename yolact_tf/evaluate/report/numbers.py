"""report.json: the numbers of a report for programs."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from yolact_tf.evaluate.analysis import Analysis, KindAnalysis
from yolact_tf.evaluate.coco_numbers import AREAS
from yolact_tf.labels import distinct_names

_KEYS = {"boxes": "bbox", "masks": "segm"}


def report_numbers(models: Mapping[str, Analysis]) -> dict[str, Any]:
    """{model: its metrics.json and all else that its report shows}; -1 and None where there is no number."""
    return {name: _numbers(analysis) for name, analysis in models.items()}


def _numbers(analysis):
    names = distinct_names(analysis.labels)
    return {
        **analysis.metrics,
        "boundary": dict(analysis.boundary.stats),
        "by_class": {name: _of_class(analysis, rank) for rank, name in enumerate(names)},
        "thresholds": analysis.thresholds,
        **{
            part: {_KEYS[kind]: numbers(found) for kind, found in analysis.kinds.items()}
            for part, numbers in (("best_f1", _best), ("errors", _errors), ("calibration", _calibration))
        },
        "confusion": {"classes": [*names, "background"], "counts": analysis.confusion.tolist()},
        "seconds": {what: float(np.median(taken)) for what, taken in analysis.seconds.items() if len(taken)},
    }


def _of_class(analysis: Analysis, rank: int):
    """Objects, and AP of each kind by area."""
    coco = {"bbox": analysis.boxes.coco, "segm": analysis.masks.coco, "boundary": analysis.boundary}
    by_area = {kind: {area: c.average(rank, area) for area in AREAS} for kind, c in coco.items()}
    best = analysis.masks.best_of_class.get(rank)
    return {
        "objects": int(analysis.masks.num_objects[rank]),
        **by_area,
        "best_f1": best._asdict() if best else None,
    }


def _best(found: KindAnalysis):
    return found.best._asdict() if found.best else None


def _errors(found: KindAnalysis):
    return found.errors._asdict()


def _calibration(found: KindAnalysis):
    bins = found.calibration
    return {
        "error": bins.error,
        "counts": bins.counts.tolist(),
        "scores": [_or_none(value) for value in bins.scores.tolist()],
        "precision": [_or_none(value) for value in bins.precision.tolist()],
    }


def _or_none(value):
    """JSON knows no NaN."""
    return value if math.isfinite(value) else None
