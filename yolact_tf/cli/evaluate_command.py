"""`yolact evaluate`: average precision of models, and a report of what is good and bad about them."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.arguments import DataFolder
from yolact_tf.cli.data_settings import data_settings
from yolact_tf.cli.metrics_table import print_metrics
from yolact_tf.cli.progress import console, progress_bar

_RESULTS = ".json"  # ends the name of a file of COCO results


def evaluate(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            help="A run, what `export` made of one, or a .json file of COCO results; several are compared.",
        ),
    ],
    data: DataFolder,
    split: Annotated[str, typer.Option(help="Split to evaluate.")] = "val",
    output: Annotated[Path | None, typer.Option(help="Where metrics go.")] = None,
    detections: Annotated[Path | None, typer.Option(help="Where COCO results go.")] = None,
    reference_protocol: Annotated[
        bool, typer.Option("--reference-protocol", help="Also the AP that the original's evaluator gives.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Folder for a page of curves, errors and images: index.html.")
    ] = None,
    save_thresholds: Annotated[
        bool,
        typer.Option("--save-thresholds", help="Write scores of the best F1 to RUN/thresholds.json."),
    ] = False,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Detect otherwise than runs say, detect.field=value, and leave their metrics.json."
        ),
    ] = None,
) -> None:
    """COCO box and mask AP of each MODEL, and on request a report of where it goes wrong."""
    names = _distinct_names(models)
    _require_one(models, {"--output": output, "--detections": detections})
    is_file = {model: model.suffix == _RESULTS for model in models}
    for option, is_given in (("--reference-protocol", reference_protocol), ("--set", overrides)):
        if is_given and any(is_file.values()):
            raise ValueError(f"{option} needs a model. Received: a file of results")
    thresholds = {model: _thresholds_of_run(model) for model in models} if save_thresholds else {}
    from yolact_tf.evaluate.report import require_report_folder, write_report
    from yolact_tf.files import require_writable

    for file in filter(None, (output, detections, *thresholds.values())):
        require_writable(file)
    if report:
        require_report_folder(report)
    # What a run is worth is not what it is with other settings.
    outputs = {model: output or (None if overrides else _metrics_of_run(model)) for model in models}
    # On data that is corrupt, several are compared by what the first does.
    settings = data_settings(models[0])
    subjects, loaded = _open(is_file, overrides or (), data, split, settings)
    analyses = {}
    for name, model in zip(names, models, strict=True):
        if len(models) > 1:
            console.print(f"[bold]{escape(name)}[/bold]")
        if report or thresholds:
            metrics, results, analyses[name] = _analyse(subjects[model], loaded, settings, reference_protocol)
        else:
            metrics, results = _evaluate(subjects[model], loaded, settings, reference_protocol)
        print_metrics(metrics)
        _write(outputs[model], metrics, indent=2)
        _write(detections, results)
        if thresholds:
            _write(thresholds[model], analyses[name].thresholds, indent=2)
    if report:
        console.print(str(write_report(report, loaded, analyses)))


def _distinct_names(models):
    """What the models are called: by their last names where these tell them apart."""
    if len(set(models)) < len(models):
        raise ValueError(f"MODEL must be given once each. Received: {' '.join(map(str, models))}")
    names = [model.resolve().name for model in models]
    return names if len(set(names)) == len(names) else [str(model) for model in models]


def _require_one(models, files):
    for option, file in files.items():
        if file and len(models) > 1:
            raise ValueError(f"{option} must be of a single MODEL. Received: {len(models)} of them")


def _thresholds_of_run(model):
    from yolact_tf.runs import is_run

    if not is_run(model):
        raise ValueError(f"--save-thresholds needs runs, which keep them. Received: {str(model)!r}")
    return model / "thresholds.json"


def _metrics_of_run(model):
    """A run's metrics.json; None for what is none or, said in one line, where its disk cannot be written."""
    from yolact_tf.files import require_writable
    from yolact_tf.runs import is_run

    if not is_run(model):
        return None
    path = model / "metrics.json"
    try:
        require_writable(path)
    except ValueError as error:
        logging.getLogger(__name__).warning("metrics are only printed, not written. %s", error)
        return None
    return path


def _open(is_file, overrides, data, split, settings):
    """({model: a Stopwatch of its detector, or results}, the data): all is refused that does not fit,
    before any model works for long."""
    from yolact_tf.data.load import load_data
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.evaluate.average_precision import require_labels
    from yolact_tf.evaluate.detections_file import read_results
    from yolact_tf.evaluate.stopwatch import Stopwatch

    detectors = [model for model, is_results in is_file.items() if not is_results]
    subjects = {model: Stopwatch(open_detector(model, overrides=overrides)) for model in detectors}
    loaded = load_data(data, split, settings)
    for detector in subjects.values():
        require_labels(detector.labels, loaded)
    files = {model: read_results(model, loaded) for model, is_results in is_file.items() if is_results}
    return {**subjects, **files}, loaded


def _evaluate(subject, loaded, settings, reference_protocol):
    """(metrics, results) of a Stopwatch or of results."""
    from yolact_tf.evaluate import coco_metrics
    from yolact_tf.evaluate import evaluate as evaluate_detector

    if isinstance(subject, list):
        return coco_metrics(loaded, subject), subject
    with progress_bar("evaluating") as progress:
        return evaluate_detector(
            subject,
            loaded,
            progress=progress,
            reference_protocol=reference_protocol,
            settings=settings,
        )


def _analyse(subject, loaded, settings, reference_protocol):
    """(metrics, results, Analysis) of a Stopwatch or of results."""
    from yolact_tf.evaluate.analysis import analyse
    from yolact_tf.evaluate.average_precision import detect_split
    from yolact_tf.evaluate.reference_ap import ReferenceAP

    reference = ReferenceAP(loaded.labels) if reference_protocol else None
    results, image_ids = subject, None
    if not isinstance(subject, list):

        def observe(record, image, found):
            subject.observe(record, image, found)
            if reference:
                reference.add(found, record)

        with progress_bar("evaluating") as progress:
            results = detect_split(subject, loaded, observe, progress, settings)
        image_ids = frozenset(subject.image_ids)
    with progress_bar("comparing with the truth") as progress:
        analysis = analyse(loaded, results, image_ids, progress)
    if not isinstance(subject, list):
        analysis = replace(analysis, seconds=subject.seconds)
    metrics = analysis.metrics | ({"reference": reference.result()} if reference else {})
    return metrics, results, analysis


def _write(path, content, indent=None):
    """Writes JSON, where a path is given, and says so."""
    from yolact_tf.files import write_text

    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(content, indent=indent) + "\n")
        console.print(str(path))
