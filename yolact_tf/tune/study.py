"""The memory of a search: Optuna's study in a journal file, which outlasts any kill."""

import dataclasses
import json
import logging
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from yolact_tf.config import Config
from yolact_tf.fields import differences
from yolact_tf.packages import require_package
from yolact_tf.tune.budget import Budget
from yolact_tf.tune.space import Space
from yolact_tf.tune.trials import FAILED, GOOD, STOPPED, TrialRow

if TYPE_CHECKING:  # an extra
    from optuna import Study, Trial

JOURNAL = "study.journal"
_NAME = "yolact"
_STEPS = 10  # parts of a trial's time after which it is compared with others
# Trials that must have ended well, and parts that must be over, before one is stopped: averaged weights and
# long warm-ups are late in showing what they are good for.
_FIRST_TRIALS, _FIRST_STEPS = 3, 3

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Subject:
    """What trials must have in common to be compared."""

    config: Config
    space: Space
    data: str  # its digest
    minutes: float  # that each trains

    def to_json(self) -> dict[str, Any]:
        """The parts as JSON values by their names."""
        return {
            "config": self.config.to_json(),
            "space": json.loads(json.dumps(self.space)),
            "data": self.data,
            "minutes": self.minutes,
        }


def require_optuna() -> ModuleType:
    """The module optuna, which logs warnings only. ImportError in one line where it is missing."""
    optuna = require_package("optuna", "tune", "Searches")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def open_study(folder: Path, subject: Subject, resume: bool) -> "Study":
    """The study in `folder`, a new one unless `resume`.

    ValueError where a new one would find files there, where the journal is damaged, or where it is of
    another Subject; FileNotFoundError where there is none to go on with.
    """
    optuna = require_optuna()
    file = folder / JOURNAL
    if not resume and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            "--output must be a new folder, but for --resume, which goes on with the search in it. "
            f"Received: {str(folder)!r}, which is not empty"
        )
    if resume and not file.is_file():
        raise FileNotFoundError(f"--resume expects a search in --output, {file}. Received none")
    folder.mkdir(parents=True, exist_ok=True)
    if resume:
        _drop_half_line(file)
    try:
        backend = optuna.storages.journal.JournalFileBackend(str(file))
        storage = optuna.storages.JournalStorage(backend)
        study = optuna.create_study(
            storage=storage, study_name=_NAME, direction="maximize", load_if_exists=resume
        )
        known = study.user_attrs
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: expected the journal of a search. Received: {error}") from None
    if known:
        _require_same(folder, known, subject)
    for name, value in subject.to_json().items():
        if name not in known:
            study.set_user_attr(name, value)
    finished = len(study.get_trials(deepcopy=False))
    # The number of trials, so that a search that goes on draws other points than at its start.
    study.sampler = optuna.samplers.TPESampler(
        seed=subject.config.train.seed + finished, multivariate=True, n_startup_trials=5
    )
    study.pruner = optuna.pruners.MedianPruner(_FIRST_TRIALS, _FIRST_STEPS)
    return study


def next_trial(study: "Study") -> "Trial":
    """The trial that was interrupted, or a new one."""
    from optuna.trial import Trial, TrialState

    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return Trial(study, running[0]._trial_id) if running else study.ask()


def has_time(study: "Study", budget: Budget) -> bool:
    """Whether another trial fits into the Budget, if it takes as long as those that ended well. The first
    always does, and one that was interrupted may end."""
    trials = study.get_trials(deepcopy=False)
    if all(trial.state.name == "WAITING" for trial in trials) or trials[-1].state.name == "RUNNING":
        return True
    spent = sum(trial.user_attrs.get("seconds", 0.0) for trial in trials)
    whole = [trial.user_attrs["seconds"] for trial in trials if trial.state.name == "COMPLETE"]
    next_one = sum(whole) / len(whole) if whole else 60 * budget.minutes
    return spent + next_one <= budget.seconds


def is_hopeless(study: "Study", trial: "Trial", share: float, mask_ap: float) -> bool:
    """Notes a mask AP after a share of a trial's time; whether others of the study were better by then."""
    step = int(_STEPS * share)
    if step in study.get_trials(deepcopy=False)[trial.number].intermediate_values:
        return False
    trial.report(mask_ap, step)
    return step < _STEPS and trial.should_prune()


def rows_of(study: "Study") -> list[TrialRow]:
    """A TrialRow of each trial that is over, in order."""
    from optuna.trial import TrialState

    states = {TrialState.COMPLETE: GOOD, TrialState.PRUNED: STOPPED, TrialState.FAIL: FAILED}
    return [
        TrialRow(
            number=trial.number + 1,
            state=states[trial.state],
            mask_ap=max(trial.intermediate_values.values(), default=-1.0)
            if trial.value is None
            else trial.value,
            settings=trial.user_attrs.get("settings", {}),
            is_own=trial.user_attrs.get("is_own", False),
            error=trial.user_attrs.get("error", ""),
        )
        for trial in study.get_trials(deepcopy=False, states=tuple(states))
    ]


def _require_same(folder, known, subject):
    """ValueError where `known`, the user attributes of a study, are of another Subject."""
    ours = subject.to_json()
    # A kill may have come before all were noted.
    other = [name for name, value in ours.items() if known.get(name, value) != value]
    if not other:
        return
    expected = {
        "config": lambda: (
            "the recipe of the search. Received: "
            + "; ".join(map(str, differences(subject.config, Config.from_json(known["config"]))))
        ),
        "space": lambda: f"to vary {_varied(known['space'])}, as before. Received: {_varied(ours['space'])}",
        "data": lambda: "the data of the search. Received others",
        "minutes": lambda: (
            f"trials of {known['minutes']:g} minutes of training, as before, so as much more "
            f"--time as there are more --trials. Received: {ours['minutes']:g}"
        ),
    }
    raise ValueError(f"{folder}: --resume expects {expected[other[0]]()}")


def _varied(space):
    return ", ".join(f"{path} {values}" for path, values in space.items())


def _drop_half_line(file):
    """Cuts off what a kill left unfinished: the next line would be appended to it."""
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        logger.warning("%s: its last line is not finished, and left out", file)
        with open(file, "r+b") as journal:
            journal.truncate(len(whole))
