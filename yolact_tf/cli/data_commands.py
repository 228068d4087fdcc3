"""`yolact data`: draws, checks, counts, shows and converts data sets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.arguments import Overrides
from yolact_tf.cli.progress import console, plain_table, progress_bar
from yolact_tf.config import BOXLESS
from yolact_tf.recipes import load_config

data_app = typer.Typer(help="Data tools.", no_args_is_help=True, rich_markup_mode=None)
DataFolder = Annotated[Path, typer.Argument(help="Folder with COCO annotations and images.")]
Recipe = Annotated[str, typer.Option(help="Recipe that says how images are seen.")]
_COLORS = {"error": "bold red", "warning": "yellow", "note": "dim"}


@data_app.command("make-shapes")
def make_shapes(
    directory: Path,
    train_images: Annotated[int, typer.Option("--train", min=0, help="Training images.")] = 400,
    val_images: Annotated[int, typer.Option("--val", min=0, help="Validation images.")] = 60,
    image_size: Annotated[int, typer.Option("--size", help="Side of the images in pixels.")] = 256,
    min_objects: Annotated[int, typer.Option(help="Fewest objects an image.")] = 1,
    max_objects: Annotated[int, typer.Option(help="Most objects an image.")] = 12,
    seed: int = 0,
) -> None:
    """Draws a synthetic data set of shapes, deterministic by seed."""
    from yolact_tf.data.synthetic.shapes import make_shapes as draw

    with progress_bar("drawing") as progress:
        draw(
            directory,
            train_images=train_images,
            val_images=val_images,
            image_size=image_size,
            min_objects=min_objects,
            max_objects=max_objects,
            seed=seed,
            progress=progress,
        )
    console.print(str(directory))


@data_app.command("make-video")
def make_video(
    directory: Path,
    frames: Annotated[int, typer.Option(min=1, help="How many frames.")] = 150,
    image_size: Annotated[int, typer.Option("--size", help="Side of the frames in pixels.")] = 256,
    objects: Annotated[int, typer.Option(min=1, help="How many objects.")] = 8,
    frames_per_second: Annotated[int, typer.Option("--fps", min=1, help="Frames a second.")] = 30,
    seed: int = 0,
) -> None:
    """Draws a video of shapes that pass behind one another; val.json says what is where and who is who."""
    from yolact_tf.data.synthetic.videos import make_shapes_video

    with progress_bar("drawing") as progress:
        make_shapes_video(
            directory,
            frames=frames,
            image_size=image_size,
            objects=objects,
            frames_per_second=frames_per_second,
            seed=seed,
            progress=progress,
        )
    console.print(str(directory))


@data_app.command()
def check(
    data: DataFolder,
    fix: Annotated[Path | None, typer.Option(help="New folder for a repaired copy.")] = None,
    decode: Annotated[bool, typer.Option("--decode", help="Also decode every image in full.")] = False,
    examples: Annotated[int, typer.Option(min=1, help="Examples shown of each problem.")] = 3,
) -> int:
    """Looks for what is wrong with DATA; exit 1 where errors remain."""
    from yolact_tf.data.inspect.check import check as find_problems

    looked_at = 0

    with progress_bar("checking") as progress:

        def advance(done: int, total: int) -> None:
            nonlocal looked_at
            looked_at = done
            progress(done, total)

        problems = find_problems(data, decode, advance)
    console.print(f"{looked_at} images and annotations looked at")
    _print_problems(problems, examples)
    if fix:
        from yolact_tf.data.inspect.repair import NothingLeft, repair

        try:
            with progress_bar("repairing") as progress:
                done = repair(data, fix, decode, progress)
        except NothingLeft as nothing:
            console.print(f"no repaired copy: {nothing}")
            return 1
        for name, count in done.items():
            console.print(f"{name}: {count}")
        console.print(f"repaired copy: {fix}")
        problems = find_problems(fix, decode)
        if problems:
            console.print("in the copy:")
            _print_problems(problems, examples)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


@data_app.command()
def stats(
    data: DataFolder,
    recipe: Recipe = "resnet50_550",
    split: Annotated[str, typer.Option(help="Split to count.")] = "train",
    output: Annotated[Path | None, typer.Option(help="PNG for the charts.")] = None,
    overrides: Overrides = None,
) -> None:
    """Counts classes, sizes and shapes in DATA, and how well the recipe's anchors cover the boxes."""
    config = load_config(recipe, overrides or ())
    from yolact_tf.data.inspect.stats import statistics
    from yolact_tf.data.inspect.stats_picture import draw_statistics

    found = statistics(data, config, split)
    _print_statistics(found)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        draw_statistics(found, output)
        console.print(str(output))


@data_app.command()
def show(
    data: DataFolder,
    output: Annotated[Path, typer.Option(help="PNG or JPEG for the contact sheet.")],
    recipe: Recipe = "resnet50_550",
    count: Annotated[int, typer.Option(min=1, help="Examples on the sheet.")] = 12,
    seed: int = 0,
    overrides: Overrides = None,
) -> None:
    """Draws training examples of DATA, augmented, with masks and boxes as the model will see them."""
    config = load_config(recipe, overrides or ())
    from yolact_tf.data.inspect.contact_sheet import contact_sheet
    from yolact_tf.draw.picture_files import save_picture

    sheet = contact_sheet(config, data, count, seed)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_picture(sheet, output)
    console.print(str(output))


@data_app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Folder of the data set.")],
    target: Annotated[Path, typer.Argument(help="New folder.")],
    from_format: Annotated[str, typer.Option("--from", help="coco, cvat, labelme, masks, sbd, voc or yolo.")],
    to_format: Annotated[str, typer.Option("--to", help="coco, cvat, labelme, masks, voc or yolo.")] = "coco",
    copy: Annotated[bool, typer.Option("--copy", help="Copy images even where links would do.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what is malformed.")] = False,
    boxes_as: Annotated[
        str, typer.Option(help="What a box without a mask becomes: rectangles, crowd or drop.")
    ] = BOXLESS[0],
) -> None:
    """Converts a data set; says what the new format cannot hold, and what is malformed and left out."""
    from yolact_tf.data.convert import convert as convert_folder

    with progress_bar("converting") as progress:
        report = convert_folder(
            source,
            target,
            from_format,
            to_format,
            progress=progress,
            link=not copy,
            strict=strict,
            boxes_as=boxes_as,
        )
    for split, images in report.images.items():
        console.print(f"{split}: {images} images, {report.objects[split]} objects")
    if report.losses:
        table = plain_table("lost", "count", "first")
        for kind, loss in report.losses.items():
            table.add_row(escape(kind), str(loss.count), escape(loss.example))
        console.print(table)
    if report.losses.accents:
        line = f"not in plain form: {report.losses.accents.in_words()}"
        console.print(escape(line), soft_wrap=True)
    if report.losses.left_out:
        console.print(f"left out as malformed: {report.losses.left_out.counts}")
        for line in report.losses.left_out.first():
            console.print(escape(f"  {line}"), soft_wrap=True)
    console.print(str(target))


@data_app.command()
def split(
    data: DataFolder,
    out: Annotated[Path, typer.Argument(help="New folder.")],
    val: Annotated[float | None, typer.Option(help="Share for validation; 0.2 where DATA has none.")] = None,
    test: Annotated[float | None, typer.Option(help="Share for a test split.")] = None,
    group_by: Annotated[
        str | None, typer.Option(help="Regular expression; what it finds in a name is the image's group.")
    ] = None,
    alike: Annotated[float, typer.Option(help="From 0 to 1: how alike images stay together.")] = 0.9,
    seed: int = 0,
) -> None:
    """Divides the training images of DATA by class shares; near-duplicates and groups stay together."""
    from yolact_tf.data.partition import Wishes, divide

    with progress_bar("splitting") as progress:
        division = divide(data, out, Wishes(val, test, seed, group_by, alike), progress)
    table = plain_table("", *map(escape, division.images))
    table.add_row("images", *map(str, division.images.values()))
    for name in division.objects["train"]:
        counts = [objects.get(name, 0) for objects in division.objects.values()]
        if any(counts):
            table.add_row(escape(name), *map(str, counts))
    console.print(table)
    if division.num_groups:
        console.print(f"kept together: {division.num_together} images in {division.num_groups} groups")
    if division.missing:
        first = escape(division.missing[0])
        console.print(f"left out, without a file: {len(division.missing)} images, such as {first}")
    console.print(str(out))


@data_app.command()
def records(
    data: Path,
    out: Annotated[str, typer.Argument(help="Folder or URL to fill; one that was begun is finished.")],
    shards: Annotated[int, typer.Option(min=0, help="Files a split; 0: by its images.")] = 0,
    split: Annotated[list[str] | None, typer.Option(help="Split to write; else train and val.")] = None,
    on_error: Annotated[str, typer.Option(help="What is corrupt is left out (skip) or refused.")] = "skip",
    boxes_as: Annotated[
        str, typer.Option(help="What a box without a mask becomes: rectangles, crowd, drop or refuse.")
    ] = BOXLESS[0],
) -> None:
    """Writes DATA as TFRecord shards, in the schema of TensorFlow Model Garden, into OUT."""
    from yolact_tf.data.shards.writer import write_records

    with progress_bar("writing") as progress:
        reports = write_records(data, out, split or (), shards, on_error, progress, boxes_as)
    for report in reports:
        left_out = f", {report.num_left_out} left out" if report.num_left_out else ""
        console.print(f"{report.split}: {report.num_images} images{left_out} in {report.num_shards} shards")
    console.print(out)


def _print_problems(problems, num_examples):
    from yolact_tf.data.coco.problems import group

    if not problems:
        console.print("no problems found")
        return
    table = plain_table("", "problem", "count", "where")
    for row in group(problems, num_examples):
        color = _COLORS[row.severity]
        for number, example in enumerate(row.examples):
            head = (f"[{color}]{row.severity}[/]", row.kind, str(row.count)) if number == 0 else ("", "", "")
            table.add_row(*head, escape(f"{example.split}: {example.where}: {example.message}"))
    console.print(table)


def _print_statistics(found):
    console.print(
        f"{found.num_images} images, {found.num_objects} objects, {found.num_crowds} crowds; "
        f"{found.objects_per_image.mean():.1f} objects an image, at most {found.objects_per_image.max()}"
    )
    classes = plain_table("class", "objects")
    for name, count in sorted(found.class_counts.items(), key=lambda item: -item[1]):
        classes.add_row(escape(name), str(count))
    console.print(classes)
    cover = plain_table("", *found.anchors.recall, "sizes")
    shares = ["1.00", *(f"{max(share, 0):.2f}" for share in found.size_shares.values())]
    cover.add_row(f"share of objects at {found.image_size} px", *shares, "")
    fits = {"found by the recipe's anchors": found.anchors}
    if found.better_anchors.sizes != found.anchors.sizes:
        fits["by better ones"] = found.better_anchors
    for name, fit in fits.items():
        recall = ("–" if share < 0 else f"{share:.2f}" for share in fit.recall.values())
        cover.add_row(name, *recall, ", ".join(f"{size:g}" for size in fit.sizes))
    console.print(cover)
    if len(fits) > 1:
        console.print(f"--set {found.better_anchors.setting}")
