"""Options of `yolact detect` for large images, more views, tracks and counts, and what is made of them."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yolact_tf.detect.detections import Detections
    from yolact_tf.detect.moving import Line, Zone
    from yolact_tf.detect.repeated.repeating_detector import ImageDetector
    from yolact_tf.detect.sinks.zone_counts import ZoneCounts
    from yolact_tf.detect.sources import Frame

Tile = Annotated[
    int | None, typer.Option("--tile", min=32, help="Look at large images in tiles of so many pixels.")
]
Overlap = Annotated[
    float | None,
    typer.Option("--overlap", min=0, max=0.9, help="Share of a tile that the next one shows too, else 0.2."),
]
TilesOnly = Annotated[
    bool,
    typer.Option("--tiles-only", help="Look in tiles alone, where no object is longer than their overlap."),
]
Tta = Annotated[
    str | None,
    typer.Option("--tta", help="flip, scales or both: look at images mirrored, larger and smaller too."),
]
Track = Annotated[bool, typer.Option("--track", help="Give each object of a video an id that it keeps.")]
Zones = Annotated[
    list[str] | None,
    typer.Option("--zone", help="Count in an area x1,y1,x2,y2,x3,y3,… or in those of a JSON file."),
]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help="Count who crosses a line x1,y1,x2,y2; needs --track."),
]
_VIEWS = ("flip", "scales")


def repeated(
    detector: "ImageDetector", tile: int | None, overlap: float | None, tiles_only: bool, tta: str | None
) -> "ImageDetector":
    """`detector`, asked as often for each image as --tile, --overlap, --tiles-only and --tta say."""
    if tile is None and overlap is not None:
        raise ValueError(
            f"--overlap is that of tiles. Expected --tile. Received: --overlap {overlap:g} alone"
        )
    if tile is None and tiles_only:
        raise ValueError("--tiles-only needs tiles. Expected --tile. Received: --tiles-only alone")
    from yolact_tf.detect.repeated import AugmentedDetector, TiledDetector
    from yolact_tf.detect.repeated.augmented import SCALES
    from yolact_tf.detect.repeated.tiled import OVERLAP

    if tta is not None:
        views = tta.split(",")
        if unknown := [view for view in views if view not in _VIEWS]:
            raise ValueError(f"`--tta` must be flip, scales or flip,scales. Received: {','.join(unknown)!r}")
        detector = AugmentedDetector(detector, "flip" in views, SCALES if "scales" in views else (1.0,))
    if tile is None:
        return detector
    overlap = OVERLAP if overlap is None else overlap
    return TiledDetector(detector, tile, overlap, smaller_copies=not tiles_only)


def tracked_if(
    track: bool, frames: "Generator[tuple[Frame, Detections], None, None]"
) -> "Generator[tuple[Frame, Detections], None, None]":
    """`frames` with `track_ids` where --track is given."""
    from yolact_tf.detect.moving.sequences import tracked

    return tracked(frames) if track else frames


def zone_counts(
    zones: Sequence[str] | None, lines: Sequence[str] | None, track: bool, output: Path
) -> "ZoneCounts | None":
    """What counts at --zone and --line and writes `output`/counts.json; None without either."""
    if not zones and not lines:
        return None
    from yolact_tf.detect.moving.zones import line_of, read_zones, zone_of
    from yolact_tf.detect.sinks.zone_counts import ZoneCounts

    areas: list[Zone] = []
    borders: list[Line] = []
    for text in zones or ():
        if text.lower().endswith(".json"):
            more_areas, more_borders = read_zones(text)
            areas, borders = areas + more_areas, borders + more_borders
        else:
            areas.append(zone_of(text, f"zone {len(areas) + 1}"))
    borders += [line_of(text, f"line {i}") for i, text in enumerate(lines or (), len(borders) + 1)]
    if borders and not track:
        raise ValueError("Lines count who crosses them. Expected --track. Received: none")
    return ZoneCounts(areas, borders, output)
