"""`yolact batch`: many images in, files of what is found in them out."""

from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.progress import console, progress_bar
from yolact_tf.config import SHOWN_ABOVE


def batch(
    model: str,
    images: Annotated[
        str,
        typer.Argument(help="An image, a folder, a glob in quotes or a .txt with a path a line; or an URL."),
    ],
    output: Annotated[str, typer.Option(help="A new .json for COCO results.")],
    options: Annotated[
        list[str] | None, typer.Argument(help="After --: Beam's own, such as --project=mine.")
    ] = None,
    overlays: Annotated[str | None, typer.Option(help="A new .tar for overlays.")] = None,
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Write what scores more.")
    ] = SHOWN_ABOVE,
    shards: Annotated[
        int, typer.Option(min=1, help="Files that results, and overlays, are divided into.")
    ] = 1,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="On this machine; else one a core, as memory allows."),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch", min=1, max=8, help="Images that are detected at once: more suit a GPU.")
    ] = 1,
    runner: Annotated[
        str | None, typer.Option(help="One of Beam's, such as DataflowRunner; else this machine.")
    ] = None,
) -> None:
    """Detects on IMAGES with MODEL in several processes, here or on a cluster, and writes COCO results.

    OUTPUT has the rows of `yolact detect`; with --shards 4 it becomes NAME-00000-of-00004.json and so on.
    NAME.failed.jsonl lists the images that cannot be read.
    """
    from yolact_tf.batch import Job, run_batch

    for option in options or ():
        if not option.startswith("--"):
            raise ValueError(
                "IMAGES must be one image, folder, list or glob in quotes; options of Beam begin with --. "
                f"Received also: {option!r}"
            )
    job = Job(
        model, images, output, overlays, score_threshold, shards, processes, batch_size, runner, options or ()
    )
    with progress_bar("detecting") as progress:
        report = run_batch(job, progress)
    seen = report.images - report.failed
    failed = f"; {report.failed} cannot be read: {report.failed_list}" if report.failed else ""
    console.print(f"{report.objects} objects in {seen} images: {escape(output + failed)}")
