"""`yolact show`: pictures of how a model decides, and where it fails."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.arguments import DataFolder, Overrides
from yolact_tf.cli.data_settings import data_settings
from yolact_tf.cli.progress import console, plain_table, progress_bar
from yolact_tf.config import SHOWN_ABOVE

show_app = typer.Typer(help="Pictures of how a model decides.", no_args_is_help=True, rich_markup_mode=None)
Model = Annotated[Path, typer.Argument(help="A run folder or an exported artefact.")]
# Only these tell prototypes.
Thinker = Annotated[Path, typer.Argument(help="A run folder, or a .tflite of the recipe litert_explore.")]
Output = Annotated[Path, typer.Option(help="PNG or JPEG to write.")]
SplitName = Annotated[str, typer.Option("--split", help="Split to look at.")]


@show_app.command()
def prototypes(
    model: Thinker,
    image: Annotated[list[Path], typer.Argument(help="One image, or several to compare.")],
    output: Output,
    top_k: Annotated[int, typer.Option(min=0, help="Detections shown an image, the best.")] = 3,
    score_threshold: Annotated[float, typer.Option(min=0, max=1)] = SHOWN_ABOVE,
) -> None:
    """The prototypes over IMAGE, and how masks are added up from them, with the crop and without."""
    _require_picture(output)
    from yolact_tf.detect.image_inputs import pixels_of
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.explain.prototype_figure import prototype_figure

    images = [pixels_of(path).rgb for path in image]
    found = open_detector(model)(images)
    shown = [one.above(score_threshold, top_k) for one in found]
    _write(prototype_figure(images, shown, [path.name for path in image]), output)


@show_app.command()
def shift(
    model: Thinker,
    image: Annotated[
        Path | None, typer.Argument(help="Its best detection is moved about; else a ball.")
    ] = None,
    *,
    output: Output,
    count: Annotated[int, typer.Option(min=1, help="Prototypes shown, the least even ones.")] = 8,
) -> None:
    """Whether prototypes know where things are: plain colours, and one object in several places."""
    _require_picture(output)
    from yolact_tf.detect.image_inputs import pixels_of
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.explain.translation import translation_of
    from yolact_tf.explain.translation_figure import draw_translation

    found = translation_of(open_detector(model), None if image is None else pixels_of(image).rgb)
    _write(draw_translation(found, count), output)
    uneven, control = found.unevenness, found.control_unevenness
    console.print(f"unevenness on plain grey: {uneven.mean():.1%} on average, {uneven.max():.1%} at most")
    if control is not None:
        console.print(f"without padding: {control.mean():.1%} on average, {control.max():.1%} at most")
    sides = ", ".join(f"{found.bright_sides.count(s)} {s}" for s in ("left", "right", "top", "bottom"))
    console.print(f"of {len(uneven)} prototypes brighter on one side of it: {sides}")


@show_app.command()
def crop(
    model: Thinker,
    data: DataFolder,
    output: Output,
    split: SplitName = "val",
) -> None:
    """What masks are without the crop to their boxes, by the size of the object."""
    _require_picture(output)
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.explain.uncropped_figure import draw_crop_by_size
    from yolact_tf.explain.uncropped_masks import AP_NAMES, SIZES, crop_by_size

    detector = open_detector(model)
    with progress_bar("detecting") as progress:
        found = crop_by_size(detector, data, split, progress, data_settings(model))
    _write(draw_crop_by_size(found, detector), output)
    table = plain_table("masks", *AP_NAMES)
    for name, ap in (("AP with the crop", found.cropped_ap), ("AP without", found.whole_ap)):
        table.add_row(name, *(_fraction(ap[size]) for size in AP_NAMES))
    groups = [found.objects, *(found.of_size(name) for name in SIZES)]
    for name, ious in (("mean IoU with the crop", "cropped_iou"), ("mean IoU without", "whole_iou")):
        table.add_row(name, *(_mean([getattr(one, ious) for one in group]) for group in groups))
    table.add_row("objects found", *(str(len(group)) for group in groups))
    console.print(table)


@show_app.command()
def anchors(
    model: Annotated[str, typer.Argument(metavar="RUN_OR_RECIPE", help="A run folder or a recipe.")],
    data: DataFolder,
    output: Output,
    split: SplitName = "train",
    images: Annotated[int, typer.Option(min=1, help="How many images to match.")] = 200,
    augmented: Annotated[bool, typer.Option("--augmented", help="Varied as training varies them.")] = False,
    overrides: Overrides = None,
) -> None:
    """Which anchors learn which objects of DATA: positive, neutral, missed; by level and shape."""
    _require_picture(output)
    from yolact_tf.explain.anchor_figure import draw_anchor_matches
    from yolact_tf.explain.anchor_matches import match_data
    from yolact_tf.runs import config_of

    config = config_of(model, overrides or ())
    with progress_bar("matching") as progress:
        found = match_data(config, data, split, images, augmented, progress)
    _write(draw_anchor_matches(found), output)
    table = plain_table("level", "anchors, px", "positive", "neutral")
    for level, shapes in enumerate(found.shapes):
        sizes = ", ".join(f"{width:.0f} x {height:.0f}" for width, height in shapes)
        counts = (str(part[level].sum()) for part in (found.positives, found.neutrals))
        table.add_row(f"P{level + 3}", sizes, *counts)
    console.print(table)
    num_own = found.num_own
    console.print(
        f"{len(num_own)} objects in {len(found.images)} of {found.num_images} images; "
        f"{int((num_own == 0).sum())} missed: no anchor {found.fit}"
    )


@show_app.command()
def errors(
    model: Model,
    data: DataFolder,
    output: Output,
    split: SplitName = "val",
    count: Annotated[int, typer.Option(min=1, help="How many of each sort to show.")] = 8,
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="What scores less is not shown to users.")
    ] = 0.3,
) -> None:
    """The worst detections and the worst misses, each beside the truth."""
    _require_picture(output)
    from yolact_tf.detect.opening import open_detector
    from yolact_tf.explain.mistake_figure import draw_mistakes
    from yolact_tf.explain.mistakes import find_mistakes

    detector = open_detector(model)
    with progress_bar("detecting") as progress:
        found = find_mistakes(detector, data, split, score_threshold, progress, data_settings(model))
    _write(draw_mistakes(found, detector, count), output)
    wrong, missed = found.counts()
    console.print(f"{found.num_right} right detections, {len(found.wrong)} wrong: {_listed(wrong)}")
    console.print(f"{len(found.missed)} missed objects: {_listed(missed)}")
    worst = plain_table("worst", "what", "image")
    for name, mistakes in (("wrong", found.wrong), ("missed", found.missed)):
        for mistake in mistakes[:count]:
            image = escape(Path(mistake.record.path).name)
            worst.add_row(f"{name} {mistake.weight:.2f}", escape(str(mistake.fault)), image)
    console.print(worst)


def _require_picture(output):
    """ValueError, before anything is computed, where no picture can be written to `output`."""
    from yolact_tf.files import require_writable

    if output.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"--output must end in .png or .jpg. Received: {str(output)!r}")
    require_writable(output)


def _write(picture, output):
    from yolact_tf.draw.picture_files import save_picture

    output.parent.mkdir(parents=True, exist_ok=True)
    save_picture(picture, output)
    console.print(str(output))


def _listed(counts):
    return ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) or "none"


def _fraction(value):
    return f"{value:.3f}" if value >= 0 else "–"


def _mean(values):
    return f"{sum(values) / len(values):.3f}" if values else "–"
