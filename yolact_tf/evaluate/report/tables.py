"""Tables of a report, as HTML: of one model, or of several in rows of their own."""

import html
from collections.abc import Mapping

import numpy as np

from yolact_tf.draw.pages import number, table
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.coco_numbers import STATS
from yolact_tf.evaluate.error_split import KINDS, MISSED
from yolact_tf.labels import distinct_names

_MOST_CONFUSIONS = 12
_SIZES = {"APs": "small", "APm": "medium", "APl": "large"}


def coco_table(models: Mapping[str, Analysis]) -> str:
    """COCO's twelve numbers of boxes, masks and the boundaries of masks."""
    rows = []
    for name, analysis in models.items():
        kinds = {"boxes": analysis.boxes.coco, "masks": analysis.masks.coco, "boundaries": analysis.boundary}
        rows += [
            [*_of(models, name), kind, *(number(coco.stats[stat]) for stat in STATS)]
            for kind, coco in kinds.items()
        ]
    return table([*_of(models, "model"), "", *STATS], rows)


def operation_table(models: Mapping[str, Analysis]) -> str:
    """The threshold of the largest F1 over all classes, and what it gives."""
    rows = []
    for name, analysis in models.items():
        for kind, found in analysis.kinds.items():
            rows.append([*_of(models, name), kind, *_operation(found.best)])
    return table([*_of(models, "model"), "", "threshold", "precision", "recall", "F1"], rows)


def class_table(analysis: Analysis) -> str:
    """Each class: how many objects there are, and AP of boxes, masks and boundaries, by size."""
    heading = ["class", "objects"]
    heading += ['<span class="of-boxes">box AP</span>', "AP50", *_SIZES]
    heading += ['<span class="of-masks">mask AP</span>', "AP50", *_SIZES, "boundary AP"]
    rows = []
    for rank, name in enumerate(distinct_names(analysis.labels)):
        cells = [html.escape(name), analysis.masks.num_objects[rank]]
        for coco in (analysis.boxes.coco, analysis.masks.coco):
            cells += [number(coco.average(rank)), number(coco.average(rank, threshold=0))]
            cells += [number(coco.average(rank, area)) for area in _SIZES.values()]
        rows.append([*cells, number(analysis.boundary.average(rank))])
    return table(heading, rows)


def class_operation_table(analysis: Analysis) -> str:
    """Each class: the threshold of the largest F1 of its own boxes and masks, and what it gives."""
    heading = ["class", "objects"]
    for kind in analysis.kinds:
        heading += [f'<span class="of-{kind}">{kind}: threshold</span>', "precision", "recall", "F1"]
    rows = []
    for rank, name in enumerate(distinct_names(analysis.labels)):
        cells = [html.escape(name), analysis.masks.num_objects[rank]]
        for found in analysis.kinds.values():
            cells += _operation(found.best_of_class.get(rank))
        rows.append(cells)
    return table(heading, rows)


def compared_classes_table(models: Mapping[str, Analysis]) -> str:
    """Mask and box AP of each class, a column a model; the best in bold."""
    analyses = list(models.values())
    heading = ["class", "objects", *(f"{_text(name)} mask AP" for name in models)]
    heading += [f"{_text(name)} box AP" for name in models]
    rows = []
    for rank, name in enumerate(distinct_names(analyses[0].labels)):
        masks = [analysis.masks.coco.average(rank) for analysis in analyses]
        boxes = [analysis.boxes.coco.average(rank) for analysis in analyses]
        objects = analyses[0].masks.num_objects[rank]
        rows.append([html.escape(name), objects, *_best_in_bold(masks), *_best_in_bold(boxes)])
    return table(heading, rows)


def error_table(models: Mapping[str, Analysis]) -> str:
    """How many errors there are of each kind, and what AP50 gains without any wrong or any unfound."""
    rows = []
    for name, analysis in models.items():
        for kind, found in analysis.kinds.items():
            errors = found.errors
            counts = [errors.counts[error] for error in (*KINDS, MISSED)]
            gains = [number(gain) for gain in (errors.ap, errors.without_wrong, errors.without_unfound)]
            rows.append([*_of(models, name), kind, *counts, *gains])
    heading = [*_of(models, "model"), "", *KINDS, MISSED, "AP50", "gain if none wrong", "gain if all found"]
    return table(heading, rows)


def confusion_table(matrix: np.ndarray, labels: dict[int, str]) -> str:
    """The most frequent confusions of one class with another."""
    names = distinct_names(labels)
    between = matrix[:-1, :-1] * (1 - np.eye(len(names), dtype=int))
    order = np.argsort(-between, axis=None, kind="stable")[:_MOST_CONFUSIONS]
    rows = []
    for row, column in zip(*np.unravel_index(order, between.shape), strict=True):
        if between[row, column]:
            share = between[row, column] / matrix[row].sum()
            names_of = html.escape(names[row]), html.escape(names[column])
            rows.append([*names_of, between[row, column], f"{100 * share:.0f} %"])
    return table(["truth", "taken for", "times", "of its objects"], rows) if rows else ""


def speed_table(models: Mapping[str, Analysis]) -> str:
    """Milliseconds an image, where they were measured."""
    rows = []
    for name, analysis in models.items():
        for what, seconds in analysis.seconds.items():
            if len(seconds):
                taken = 1000 * np.asarray(seconds)
                cells = [np.median(taken), np.percentile(taken, 95), taken.mean()]
                rows.append([*_of(models, name), what, *(number(v, 1) for v in cells)])
    heading = [*_of(models, "model"), "milliseconds an image", "median", "95 % below", "mean"]
    return table(heading, rows) if rows else ""


def _of(models, name):
    """A cell that tells models apart, where there are several."""
    return [_text(name)] if len(models) > 1 else []


def _operation(best):
    return [number(value) for value in best] if best else ["–"] * 4


def _text(name):
    return html.escape(name)


def _best_in_bold(values):
    best = max(values)
    is_clear = best > min(values)
    return [f"<b>{number(v)}</b>" if v == best and is_clear else number(v) for v in values]
