"""`yolact benchmark`: what each stage of detection takes, of several models side by side."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from yolact_tf.cli.benchmark_tables import print_report
from yolact_tf.cli.progress import console, progress_bar
from yolact_tf.files import require_writable, write_text


class Sweep(StrEnum):
    """What is varied in addition."""

    SIZE = "size"
    DETECTIONS = "detections"
    BATCH = "batch"
    ALL = "all"


def benchmark(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL...", help="Runs, and what `export` made of them.")
    ],
    data: Annotated[
        str | None, typer.Option("--data", help="Data whose validation images are shown; else drawn scenes.")
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option("--image", help="An image to show instead; may be given again.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for benchmark.json and benchmark.png.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Calls of each model that are counted.")] = 50,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the CPU; by default one a usable core.")
    ] = None,
    sweep: Annotated[
        list[Sweep] | None, typer.Option(help="Also how time grows with this; may be given again.")
    ] = None,
    gpu: Annotated[
        bool, typer.Option("--gpu/--no-gpu", help="A .tflite also on LiteRT's GPU, where one is.")
    ] = True,
) -> None:
    """Time of each stage, throughput and memory of every MODEL, side by side."""
    if data is not None and images:
        raise ValueError("Expected --data or --image. Received: both")
    files = [output / name for name in ("benchmark.json", "benchmark.png")] if output else []
    for file in files:
        require_writable(file)
    # The processes whose memory is measured want some of a GPU, too, of which frameworks otherwise take all.
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    from yolact_tf.benchmark import SWEEPS, compare, limit_threads, open_candidates, read_samples

    if threads is not None:
        limit_threads(threads)
    samples = read_samples(data, images or ())
    candidates = open_candidates(models, threads, gpu)
    sweeps = SWEEPS if Sweep.ALL in (sweep or ()) else tuple(sweep or ())
    report = compare(candidates, samples, repeats, sweeps, progress_bar)
    print_report(report)
    if output:
        from yolact_tf.benchmark.chart import draw_report

        output.mkdir(parents=True, exist_ok=True)
        write_text(files[0], report.to_json())
        draw_report(report, files[1])
        console.print("\n".join(map(str, files)))
