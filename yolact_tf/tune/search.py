"""`yolact tune`: trial after trial within a budget; what is best so far always lies there as a recipe."""

import contextlib
import dataclasses
import logging
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from yolact_tf.config import Config
from yolact_tf.data.load import load_both
from yolact_tf.fields import override
from yolact_tf.files import PathLike
from yolact_tf.runs import is_run
from yolact_tf.train.state import digest_of
from yolact_tf.tune.budget import Budget
from yolact_tf.tune.chart import draw_search
from yolact_tf.tune.recipe_file import write_recipe
from yolact_tf.tune.space import Space, default_space, own_point, suggested, text_of, value_at
from yolact_tf.tune.study import (
    Subject,
    has_time,
    is_hopeless,
    next_trial,
    open_study,
    require_optuna,
    rows_of,
)
from yolact_tf.tune.trial_process import Outcome, Task, train_apart
from yolact_tf.tune.trials import GOOD, TrialRow, best_of, own_of

if TYPE_CHECKING:  # an extra
    from optuna import Study, Trial

logger = logging.getLogger(__name__)

RECIPE, CHART = "best.py", "search.png"
_VALIDATE_EVERY = 2  # epochs, at most: a trial that is not validated cannot be stopped
_HEAVY = ("weights", "tensorboard", "state.safetensors")  # of a run that is not the best


class Report(Protocol):
    """What shows a search to a person."""

    def begins(self, number: int, trials: int) -> None:
        """Says which trial begins, counted from 1."""

    def at(self, share: float, mask_ap: float | None = None) -> None:
        """Says which share of the trial's time is over, and the mask AP where it was validated just now."""

    def ended(self, row: TrialRow, best: TrialRow | None) -> None:
        """Says what a trial came to, and which is the best by now."""


class Found(NamedTuple):
    """What a search came to."""

    best: TrialRow
    rows: list[TrialRow]  # in the order of the trials
    recipe: Path  # of the best
    run: Path  # of the best
    chart: Path


class _Search(NamedTuple):
    """What all trials share."""

    config: Config
    data: str
    folder: Path
    space: Space
    minutes: float
    study: "Study"
    report: Report | None

    def run_of(self, number):
        return self.folder / "trials" / f"{number:03d}"


def tune(
    config: Config,
    data: PathLike,
    folder: PathLike,
    budget: Budget,
    space: Space | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> Found:
    """Searches round `config` for the highest mask AP on the validation images of `data`; returns the Found.

    folder: a new one, or with `resume` that of a search to go on with. It gets `best.py`, `search.png`, the
    journal of the search, and in `trials/` a run a trial, with weights for the best alone. The first trial
    is the recipe as it is, where `space`, by default `default_space`, has room for it.
    ArithmeticError where no trial ended well. ValueError, and an empty folder, where the first fails as all
    would.
    """
    require_optuna()
    folder, space = Path(folder), default_space(config) if space is None else space
    subject = Subject(config, space, _digest(config, data), budget.minutes)
    study = open_study(folder, subject, resume)
    own = own_point(config, space)
    if own and not study.get_trials(deepcopy=False):
        study.enqueue_trial(own, user_attrs={"is_own": True})
    search = _Search(config, str(data), folder, space, budget.minutes, study, report)
    rows = _searched(search, budget)
    best = best_of(rows)
    if not best:
        raise ArithmeticError(
            f"{folder}: none of {len(rows)} trials ended well. The first: {rows[0].error}; its log is "
            f"{search.run_of(1)}.log"
        )
    return Found(best, rows, folder / RECIPE, search.run_of(best.number), folder / CHART)


def _searched(search, budget):
    """The rows of all trials when they, or the time, are over."""
    rows = rows_of(search.study)
    if rows:
        _write(search, rows)  # which a kill may have prevented
    try:
        while len(rows) < budget.trials and has_time(search.study, budget):
            if search.report:
                search.report.begins(len(rows) + 1, budget.trials)
            rows = _with_next(search, rows)
    except (KeyboardInterrupt, SystemExit, OSError):
        logger.warning("%s holds the search; the same command with --resume goes on with it", search.folder)
        raise
    return rows


def _digest(config, data):
    """That of the data. ValueError where no AP can tell one trial from another."""
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # too late once it computes
        tf.config.set_visible_devices([], "GPU")  # their memory is for the trials
    train, val = load_both(data, config.data)
    if not val.num_objects:
        raise ValueError(
            f"{val.origin}: expected objects in the validation images, to tell trials apart by AP"
        )
    return digest_of(train, val)


def _with_next(search, rows):
    """The rows after another trial, which the folder shows by then."""
    trial = next_trial(search.study)
    settings = suggested(trial, search.space)
    trial.set_user_attr("settings", dict(text.split("=", 1) for text in settings))
    is_first = not rows and not is_run(search.run_of(trial.number + 1))
    outcome = _outcome(search, trial, settings)
    if outcome.is_wrong_request and is_first:
        shutil.rmtree(search.folder)
        raise ValueError(outcome.error)
    if outcome.error:
        trial.set_user_attr("error", outcome.error)
    _tell(search.study, trial, outcome)
    rows = rows_of(search.study)
    _write(search, rows)
    if search.report:
        search.report.ended(rows[-1], best_of(rows))
    return rows


def _outcome(search: _Search, trial: "Trial", settings: list[str]) -> Outcome:
    """Trains a trial, or what is left of it, and notes how long that took."""
    number = trial.number + 1
    run = search.run_of(number)
    run.parent.mkdir(exist_ok=True)
    every = min(_VALIDATE_EVERY, search.config.train.validate_every)
    fixed = [f"train.minutes={search.minutes}", f"train.validate_every={every}"]
    try:
        config = override(search.config, [*settings, *fixed])
    except ValueError as error:  # fields that do not go together
        return Outcome(error=str(error))

    def validated(share, mask_ap):
        if search.report:
            search.report.at(share, mask_ap)
        return not is_hopeless(search.study, trial, share, mask_ap)

    before, started = trial.user_attrs.get("seconds", 0.0), time.monotonic()
    task = Task(config.to_json(), search.data, run, is_run(run))
    at = search.report.at if search.report else lambda share: None
    try:
        return train_apart(task, run.with_suffix(".log"), validated, at)
    finally:
        trial.set_user_attr("seconds", before + time.monotonic() - started)


def _tell(study, trial, outcome):
    from optuna.trial import TrialState

    if outcome.error:
        study.tell(trial, state=TrialState.FAIL)
    elif outcome.is_pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, outcome.mask_ap)


def _write(search, rows):
    """Writes what is best and the chart; frees the disk of the weights of all others."""
    best = best_of(rows)
    for row in rows:
        for name in _HEAVY if row != best else ():
            _remove(search.run_of(row.number) / name)
    own = {path: value_at(search.config, path) for path in search.space}
    draw_search(rows, search.space, own, search.folder / CHART)
    if best:
        _write_best(search, rows, best, own)


def _write_best(search, rows, best, own):
    settings = [f"{path}={text}" for path, text in best.settings.items()]
    name = f"{search.config.name}_tuned"
    config = dataclasses.replace(override(search.config, settings), name=name)
    as_it_was = own_of(rows)
    before = f", {as_it_was.mask_ap:.3f} as it was" if as_it_was and as_it_was.state == GOOD else ""
    docstring = (
        f"{search.config.name}, tuned: mask AP {best.mask_ap:.3f}{before}.\n\n"
        f"    yolact train {RECIPE} --data DATA --run RUN --time {60 * search.minutes:.0f}s\n"
    )
    remarks = {path: f"was {text_of(own[path])}" for path in own if best.settings[path] != text_of(own[path])}
    write_recipe(config, docstring, search.folder / RECIPE, remarks)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
