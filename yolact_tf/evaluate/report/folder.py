"""The folder of a report: index.html, its pictures and its numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from yolact_tf.data.split import Split
from yolact_tf.draw.pages import picture, write_page
from yolact_tf.draw.picture_files import save_picture
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.image_quality import best_images, most_different, worst_images
from yolact_tf.evaluate.report.curve_charts import draw_calibration, draw_f1, draw_precision_recall
from yolact_tf.evaluate.report.error_charts import draw_confusion, draw_errors
from yolact_tf.evaluate.report.numbers import report_numbers
from yolact_tf.evaluate.report.overlays import overlay_sheets
from yolact_tf.evaluate.report.page import sections, tiles
from yolact_tf.evaluate.report.tables import speed_table
from yolact_tf.files import PathLike, require_writable, write_text

_PAGE, _NUMBERS = "index.html", "report.json"
_PICTURES = ("precision_recall", "f1", "errors", "calibration", "confusion*", "worst", "best", "differences")
_MOST_IMAGES = 4
_QUALITY = (
    "<p>Quality: the IoU of masks that found an object, summed, by the mean of the numbers of masks above "
    "the threshold and of objects (panoptic quality of all classes together).</p>"
)


def require_report_folder(folder: PathLike) -> None:
    """ValueError where `write_report` would fail or overwrite what is no report."""
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _NUMBERS).is_file():
        raise ValueError(
            "--report must be a new or an empty folder, or one of an earlier report. "
            f"Received: {str(folder)!r}"
        )
    require_writable(folder / _PAGE)


def write_report(folder: PathLike, data: Split, models: Mapping[str, Analysis]) -> Path:
    """Writes index.html about `models`, name -> Analysis on `data`, with its pictures and report.json beside
    it; returns the page's path.

    The page loads nothing from elsewhere. It shows one model on its own, several side by side.
    """
    folder = Path(folder)
    require_report_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _PICTURES:  # an earlier report may have shown what this one does not
        for path in folder.glob(f"{name}.png"):
            path.unlink()
    write_text(folder / _NUMBERS, json.dumps(report_numbers(models), indent=2) + "\n")
    confusions = _draw_charts(folder, models)
    sheets = _draw_images(folder, data, models)
    names = list(models)
    title = f"Evaluation of {names[0]}" if len(names) == 1 else f"Comparison of {', '.join(names)}"
    analysis = next(iter(models.values()))
    about = f"{analysis.num_images} images and {analysis.masks.num_objects.sum()} objects of {data.origin}"
    parts = [*sections(folder, models, confusions), *sheets, ("Speed", speed_table(models))]
    write_page(folder / _PAGE, title, about, tiles(models), parts)
    return folder / _PAGE


def _draw_charts(folder, models):
    """Writes the charts; returns {model: the file of its confusion matrix}."""
    draw_precision_recall(models, folder / "precision_recall.png")
    draw_f1(models, folder / "f1.png")
    draw_errors(models, folder / "errors.png")
    draw_calibration(models, folder / "calibration.png")
    files = {}
    for place, (name, analysis) in enumerate(models.items(), 1):
        files[name] = folder / ("confusion.png" if len(models) == 1 else f"confusion_{place}.png")
        draw_confusion(analysis.confusion, analysis.labels, files[name])
    return files


def _draw_images(folder, data, models):
    """Writes sheets of images; returns their (title, HTML)."""
    chosen = _chosen(list(models.values()))
    sheets = overlay_sheets(data, models, {name: ids for name, (_, ids) in chosen.items()})
    for name, sheet in sheets.items():
        save_picture(sheet, folder / f"{name}.png")
    return [
        (title, _QUALITY + picture(folder / f"{name}.png", is_wide=True))
        for name, (title, _) in chosen.items()
        if name in sheets
    ]


def _chosen(analyses: Sequence[Analysis]):
    """{file name: (title, image ids)} of the images that are shown."""
    qualities = [analysis.images for analysis in analyses]
    if len(analyses) > 1:
        return {"differences": ("Where they differ most", most_different(qualities, _MOST_IMAGES))}
    best, worst = best_images(qualities[0], _MOST_IMAGES), worst_images(qualities[0], _MOST_IMAGES)
    return {
        "worst": ("Worst images: truth on the left, found on the right", [q.image_id for q in worst]),
        "best": ("Best images", [q.image_id for q in best]),
    }
