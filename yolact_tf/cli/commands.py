"""The commands of `yolact`: each reads its request, calls one function and prints what came of it."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from yolact_tf.cli.arguments import DATA_HELP, Overrides
from yolact_tf.cli.batch_command import batch
from yolact_tf.cli.benchmark_command import benchmark
from yolact_tf.cli.data_commands import data_app
from yolact_tf.cli.detect_command import detect
from yolact_tf.cli.evaluate_command import evaluate
from yolact_tf.cli.info_command import info
from yolact_tf.cli.metrics_table import print_metrics
from yolact_tf.cli.progress import console, progress_bar
from yolact_tf.cli.recipe_choice import require_folders, wanted_config
from yolact_tf.cli.share_commands import card, pull, push
from yolact_tf.cli.show_commands import show_app
from yolact_tf.cli.training_progress import training_report
from yolact_tf.cli.tune_command import tune
from yolact_tf.cli.verification_report import print_verification, tell_release
from yolact_tf.fields import minutes_of
from yolact_tf.recipes import list_recipes, load_config, load_export_recipe

app = typer.Typer(
    name="yolact",
    help="YOLACT instance segmentation: train, evaluate, detect, export, serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(data_app, name="data")
app.add_typer(show_app, name="show")
app.command()(info)
app.command()(benchmark)

_IMAGES_OF_EXPORT = 4
# What `verify --accelerator` compares.
_ACCELERATORS = {"cpu": ("cpu",), "gpu": ("gpu", "gpu_float16")}


@app.command()
def recipes() -> None:
    """Lists the recipes with their one-line purpose."""
    for kind, title in (("configs", "train"), ("export", "export")):
        table = Table(title=title, title_justify="left", box=None, show_header=False)
        for name, purpose in list_recipes(kind).items():
            table.add_row(f"[bold]{name}[/bold]", purpose)
        console.print(table)


@app.command()
def train(
    recipe: Annotated[
        str | None, typer.Argument(help="By path or bare name; else one that suits DATA is chosen.")
    ] = None,
    data: Annotated[str | None, typer.Option(help=DATA_HELP)] = None,
    run: Annotated[Path | None, typer.Option(help="Folder to fill; must be new, but for --resume.")] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="To start from: a run, a .weights.h5, a .pth or .safetensors of the original or of a "
            "backbone; or imagenet."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where RUN was interrupted.")] = False,
    time: Annotated[
        str | None, typer.Option(help="Train for so long, such as 30m or 1h30m, instead of train.epochs.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Trains RECIPE on DATA with model.fit and fills RUN."""
    data, run = require_folders(recipe, data, run)
    limit = [f"train.minutes={minutes_of(time)}"] if time else []
    config = wanted_config(recipe, data, run, weights, resume, [*(overrides or ()), *limit])
    from yolact_tf.train.trainer import train as train_run

    with training_report(console) as report:
        trained = train_run(config, data, run, weights, resume, report)
    if trained is None:  # the first of several workers tells
        return
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
    print_metrics(metrics)
    console.print(f"run: {run}")


app.command()(tune)
app.command()(evaluate)


@app.command("import-weights")
def import_weights(
    file: Annotated[Path, typer.Argument(help="A .pth or .safetensors file of the original.")],
    recipe: str,
    run: Annotated[Path, typer.Option(help="Folder to fill; must be new.")],
    labels: Annotated[
        Path | None, typer.Option(help="labels.json or COCO annotations that name the classes.")
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Imports published PyTorch weights as a run of RECIPE; a backbone alone starts a run to train."""
    config = load_config(recipe, overrides or ())
    from yolact_tf.weights.importer import import_weights as import_file

    transfer = import_file(file, config, run, labels)
    console.print(f"{transfer.loaded} tensors loaded from {file}")
    if transfer.fresh:
        parts = dict.fromkeys(layer.partition("/")[0] for layer in transfer.fresh)
        console.print(f"at their initial values: {len(transfer.fresh)} layers of {', '.join(parts)}")
    console.print(f"run: {run}")


app.command()(detect)
app.command()(batch)


@app.command()
def export(
    run: Path,
    recipe: Annotated[str, typer.Option(help="Export recipe, by path or bare name.")],
    output: Annotated[
        Path,
        typer.Option(
            help="A .tflite or .onnx file, a new folder (OpenVINO), or one of a SavedModel: "
            "PATH gains a version, PATH/N gains version N."
        ),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="Data to verify on, else drawn scenes; int8 calibrates on its training split."
        ),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Compare it with RUN before it gets its name.")
    ] = True,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Detect otherwise than RUN: detect.field=value.")
    ] = None,
) -> None:
    """Writes one deployable artefact of RUN; exit 1, and nothing written, where it answers otherwise."""
    settings = load_export_recipe(recipe)
    settings.require_data(data)
    from yolact_tf.model_folder import new_version

    # A version that is taken is refused before the run is loaded, which takes long.
    if settings.format == "saved_model":
        new_version(output)
    from yolact_tf.export import export_run
    from yolact_tf.export.verify import require_verified, sample_images
    from yolact_tf.runs import load_run

    loaded = load_run(run, overrides or ())
    images = sample_images(data, _IMAGES_OF_EXPORT) if verified else []

    def check(artefact):
        require_verified(artefact, loaded, images, tell_release)

    with progress_bar("calibrating") as progress:
        export_run(loaded, settings, output, data, check if verified else None, progress)
    console.print(str(output))


@app.command()
def verify(
    artefact: Path,
    run: Annotated[Path, typer.Option(help="The run that the artefact came from.")],
    data: Annotated[
        str | None, typer.Option("--data", help="Data folder: its images, and AP on them; else drawn scenes.")
    ] = None,
    images: Annotated[int, typer.Option(min=1, help="How many images to compare.")] = 8,
    accelerator: Annotated[
        str, typer.Option(help="cpu, or gpu for a .tflite: in float32, then in float16.")
    ] = "cpu",
) -> int:
    """Compares ARTEFACT with RUN, output by output; exit 1 above tolerance."""
    if accelerator not in _ACCELERATORS:
        raise ValueError(f"`--accelerator` must be one of {list(_ACCELERATORS)}. Received: {accelerator!r}")
    from yolact_tf.export.verify import Reference, sample_images, verification
    from yolact_tf.runs import load_run

    reference, samples = Reference(load_run(run)), sample_images(data, images)
    passes = True
    for name in _ACCELERATORS[accelerator]:
        with progress_bar(f"AP ({name})") as progress:
            found = verification(artefact, reference, samples, name, data, progress)
        print_verification(found)
        passes &= found.passes
    return 0 if passes else 1


@app.command()
def serve(
    saved_model: Path,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8501,
    name: str = "yolact",
    limits: Annotated[
        list[str] | None, typer.Option("--limit", help="What a request may be: pixels=100000000, queue=64, …")
    ] = None,
    batching: Annotated[
        list[str] | None,
        typer.Option(help="How requests are batched: max_batch_size=8, batch_timeout_micros=5000, …"),
    ] = None,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Serve each version, not only the newest.")
    ] = False,
) -> None:
    """TF Serving's REST protocol over an exported SavedModel; a demo page at /."""
    from yolact_tf.fields import override
    from yolact_tf.serve import Batching, Limits
    from yolact_tf.serve import serve as serve_model

    serve_model(
        saved_model,
        host,
        port,
        name,
        override(Limits(), limits or ()),
        override(Batching(), batching or ()),
        all_versions,
    )


@app.command()
def page(
    out: Annotated[Path, typer.Argument(help="Folder to fill; must be new. Any web server can hold it.")],
    model: Annotated[Path, typer.Option(help="A .tflite of `yolact export`, which browsers will run.")],
) -> None:
    """The demo page without a server: visitors' browsers detect, with LiteRT.js."""
    from yolact_tf.serve.page_files import write_page

    console.print(str(write_page(out, model)))


for command in (card, push, pull):
    app.command()(command)
