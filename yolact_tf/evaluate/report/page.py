"""What the page of a report says, above and below its pictures."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from yolact_tf.draw.pages import number, picture
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.report import tables
from yolact_tf.evaluate.report.error_charts import MOST_NUMBERED

_PRECISION = (
    "<p>AP: the area under precision over recall, the mean over classes and over IoU thresholds from .5 to "
    ".95, as COCO has it; AP50 and AP75 at one threshold. AR1, AR10, AR100: the same mean of the largest "
    "recall with so many detections of a class an image. s, m, l: small, medium and large objects, of areas "
    "below 32², below 96² and above. Boundaries: by the IoU of masks or of their boundaries, 2 % of the "
    "diagonal wide, whichever is less.</p>"
)
_THRESHOLDS = (
    "<p>Precision, recall and F1 of the detections above a score, right where they find an object of their "
    "class with an IoU of .5. The threshold is that of the largest F1.</p>"
)
_CLASSES = "<br><p>The score threshold of the largest F1 of each class, and what it gives:</p>"
_ERRORS = (
    "<p>What AP50 gains where one kind of error is mended and all else stays (after TIDE): wrong class; "
    "IoU of .1 to .5 (localisation); both; an object found twice; nothing there (background); objects that "
    "no detection comes near (missed).</p>"
)
_COUNTS = (
    "<br><p>Errors of each kind; AP50, and its gain without any wrong detection, or any unfound object:</p>"
)
_CONFUSION = (
    "<p>Masks scoring above {:.3f}; a row's objects by what they were detected as. The last row is "
    "detections of nothing, the last column objects that were not detected.</p>"
)
_CALIBRATION = (
    "<p>On the dashed line a score is the share of detections that are right. The error is the mean gap over "
    "all detections of the evaluation, most of which may score low.</p>"
)


def tiles(models: Mapping[str, Analysis]) -> dict[str, str]:
    """The numbers on top: name -> text."""
    if len(models) == 1:
        (analysis,) = models.values()
        return _main_numbers(analysis) | _more_numbers(analysis)
    return {
        f"{name}: {what}": value
        for name, analysis in models.items()
        for what, value in _main_numbers(analysis).items()
    }


def sections(
    folder: Path, models: Mapping[str, Analysis], confusions: Mapping[str, Path]
) -> Iterator[tuple[str, str]]:
    """Yields (title, HTML) of all that is known of the models, but for images and speed.

    folder: of the charts.  confusions: model -> its chart.
    """

    def chart(path):
        return picture(path, is_chart=True, is_wide=True)

    yield "Average precision", _PRECISION + tables.coco_table(models) + chart(folder / "precision_recall.png")
    yield "Score thresholds", _THRESHOLDS + tables.operation_table(models) + chart(folder / "f1.png")
    if len(models) > 1:
        yield "Classes", tables.compared_classes_table(models)
    else:
        (analysis,) = models.values()
        yield "Classes", tables.class_table(analysis) + _CLASSES + tables.class_operation_table(analysis)
    yield "What costs AP50", _ERRORS + chart(folder / "errors.png") + _COUNTS + tables.error_table(models)
    for name, analysis in models.items():
        note = _CONFUSION.format(analysis.masks.threshold)
        title = f"Confusion, {name}" if len(models) > 1 else "Confusion"
        frequent = tables.confusion_table(analysis.confusion, analysis.labels)
        is_wide = len(analysis.labels) > MOST_NUMBERED
        yield title, note + picture(confusions[name], is_chart=True, is_wide=is_wide) + frequent
    yield "Calibration of scores", _CALIBRATION + chart(folder / "calibration.png")


def _main_numbers(analysis):
    return {
        "mask AP": number(analysis.masks.coco.stats["AP"]),
        "box AP": number(analysis.boxes.coco.stats["AP"]),
    }


def _more_numbers(analysis):
    best = analysis.masks.best
    numbers = {
        "mask AP50": number(analysis.masks.coco.stats["AP50"]),
        "boundary AP": number(analysis.boundary.stats["AP"]),
        "best F1, masks": number(best.f1) if best else "–",
    }
    if analysis.seconds:
        taken = np.sum(list(analysis.seconds.values()), axis=0)
        numbers["ms an image, median"] = number(1000 * float(np.median(taken)), 0)
    return numbers
