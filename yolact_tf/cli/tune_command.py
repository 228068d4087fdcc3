"""`yolact tune`: a recipe in, a better one for the data out."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.arguments import DataFolder, Overrides
from yolact_tf.cli.progress import console, plain_table
from yolact_tf.cli.tuning_progress import tuning_report
from yolact_tf.fields import minutes_of
from yolact_tf.recipes import load_config


def tune(
    recipe: str,
    data: DataFolder,
    trials: Annotated[int, typer.Option(min=1, help="Trainings that the time is divided among.")],
    time: Annotated[str, typer.Option(help="Of the whole search, such as 8h or 1h30m.")],
    output: Annotated[
        Path | None, typer.Option(help="New folder, by default runs/tune_RECIPE; or that of --resume.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in --output.")] = False,
    search: Annotated[
        list[str] | None,
        typer.Option(help="A field to vary instead of the usual: field=low..high or field=one/of/these."),
    ] = None,
    overrides: Overrides = None,
) -> None:
    """Searches for a better RECIPE for DATA and writes it as a recipe; the first trial is RECIPE as it is."""
    config = load_config(recipe, overrides or ())
    from yolact_tf.tune import budget, parse_space
    from yolact_tf.tune import tune as search_recipe

    plan = budget(trials, minutes_of(time))
    space = parse_space(search, config) if search else None
    folder = output or Path("runs") / f"tune_{config.name}"
    with tuning_report(console) as report:
        found = search_recipe(config, data, folder, plan, space, resume, report)
    if len(found.rows) < trials:
        console.print(f"{time} were enough for {len(found.rows)} of {trials} trials")
    _print_best(found)
    for name, path in (("recipe", found.recipe), ("run", found.run), ("chart", found.chart)):
        console.print(f"{name}: {escape(str(path))}", soft_wrap=True)


def _print_best(found):
    """The settings of the best trial beside the recipe's, where that was among the trials."""
    from yolact_tf.tune.trials import own_of

    own = own_of(found.rows)
    table = plain_table("", f"trial {found.best.number}", *(["recipe"] if own else []))
    shown = [found.best, own] if own else [found.best]
    table.add_row("mask AP", *(f"{row.mask_ap:.3f}" if row.mask_ap >= 0 else "–" for row in shown))
    for path in found.best.settings:
        table.add_row(path, *(row.settings[path] for row in shown))
    console.print(table)
