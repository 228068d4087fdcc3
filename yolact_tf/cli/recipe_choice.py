"""Which recipe `yolact train` was asked for, or takes by itself."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from yolact_tf.cli.progress import console
from yolact_tf.config import Config
from yolact_tf.recipes import list_recipes, load_config


def require_folders(recipe: str | None, data: str | None, run: Path | None) -> tuple[str, Path]:
    """`data` and `run`. ValueError where one is missing, or a folder lies where a recipe should be."""
    if recipe and recipe not in list_recipes("configs") and Path(recipe).is_dir():
        raise ValueError(
            f"Expected a recipe, or none, before --data. Received: {recipe!r}, which is a folder. Of data: "
            f"yolact train --data {recipe} --run RUN; of a run to start from: --weights {recipe}"
        )
    if data is None:
        raise ValueError("Missing option '--data', the folder with annotations and images")
    if run is None:
        raise ValueError("Missing option '--run', the folder to fill")
    return data, run


def wanted_config(
    recipe: str | None,
    data: str,
    run: Path,
    weights: Path | None,
    resume: bool,
    overrides: Sequence[str],
) -> Config:
    """The Config of a recipe, of the run to go on with, or of one that suits the data, which says why."""
    if recipe:
        return load_config(recipe, overrides)
    # Looking at data starts TensorFlow.
    if resume:
        from yolact_tf.runs import config_of, is_run

        if is_run(run):
            return config_of(run, overrides)
        raise FileNotFoundError(f"--resume expects a run folder with config.json. Received: {str(run)!r}")
    from yolact_tf.choose import choose
    from yolact_tf.runs import require_new_run
    from yolact_tf.train.distribution import is_first_worker

    if is_first_worker():
        require_new_run(run)
    choice = choose(data, overrides, weights)
    if is_first_worker():
        for line in choice.lines:
            console.print(escape(line), soft_wrap=True)
    return choice.config
