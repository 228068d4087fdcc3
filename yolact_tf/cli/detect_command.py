"""`yolact detect`: sources, detector and what is written, put together."""

from pathlib import Path
from typing import Annotated

import typer

from yolact_tf.cli.detect_options import (
    Lines,
    Overlap,
    Tile,
    TilesOnly,
    Track,
    Tta,
    Zones,
    repeated,
    tracked_if,
    zone_counts,
)
from yolact_tf.cli.progress import console, rate_bar
from yolact_tf.config import SHOWN_ABOVE


def detect(
    model: Path,
    source: Annotated[
        list[str], typer.Argument(help="Images, videos, folders, globs, numbers of webcams, URLs of streams.")
    ],
    output: Annotated[Path, typer.Option(help="Folder for overlays and detections.json.")],
    score_threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"Show what scores more; else as thresholds.json of a run says, else {SHOWN_ABOVE:g}.",
        ),
    ] = None,
    top_k: Annotated[int, typer.Option(min=1, help="Show so many objects of an image at most.")] = 15,
    all_classes: Annotated[
        bool,
        typer.Option("--all-classes", help="Show an object once for each class found, not for the best."),
    ] = False,
    save: Annotated[
        list[str] | None,
        typer.Option(help="Write also OUTPUT/yolo, labelme, coco, voc, cvat or masks, or cutouts."),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Detect otherwise than a run says: detect.field=value.")
    ] = None,
    tile: Tile = None,
    overlap: Overlap = None,
    tiles_only: TilesOnly = False,
    tta: Tta = None,
    track: Track = False,
    zone: Zones = None,
    line: Lines = None,
) -> None:
    """Detects on SOURCE and writes overlays and detections.json."""
    from yolact_tf.detect.sinks.kinds import open_sinks, require_room
    from yolact_tf.detect.sinks.overlays import Overlays
    from yolact_tf.detect.sinks.results import ResultsFile
    from yolact_tf.detect.sources import find_sources

    sources = find_sources(source)
    # Before the model is opened, which takes long: they refuse what they may not write.
    counts = zone_counts(zone, line, track, output)
    if counts is None:
        sinks = [Overlays(sources, output), ResultsFile(output)]
    else:  # it counts before pictures show it
        sinks = [counts, Overlays(sources, output, counts.draw), ResultsFile(output)]
    require_room(save or (), output)
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.detect.stream import stream, total_frames
    from yolact_tf.detect.writing import write_detections

    one_look = open_detector(model, overrides=overrides or ())
    detector = repeated(one_look, tile, overlap, tiles_only, tta)
    sinks += open_sinks(save or (), output, detector.labels)
    thresholds = _thresholds(model, detector.labels) if score_threshold is None else score_threshold
    with rate_bar("detecting", "frames", total_frames(sources)) as progress:
        written = write_detections(
            tracked_if(track, stream(detector, sources)),
            sinks,
            lambda found: _shown(found, thresholds, top_k, all_classes),
            progress,
        )
    seen = _counted(written.frames, "image")
    if any(source.num_frames != 1 for source in sources):
        seen = f"{_counted(written.frames, 'frame')} of {_counted(len(sources), 'source')}"
    console.print(f"{_counted(written.objects, 'object')} in {seen}: {output}")


def _shown(found, thresholds, top_k, all_classes):
    found = found.above(thresholds)
    return (found if all_classes else found.one_class_each())[:top_k]


def _counted(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


def _thresholds(model, labels):
    """By class, where MODEL is a run that has them; else one for all."""
    from yolact_tf.detect.thresholds import THRESHOLDS, read_thresholds

    return read_thresholds(model, labels) if (model / THRESHOLDS).is_file() else SHOWN_ABOVE
