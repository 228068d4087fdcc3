"""The recipe of a training that names none."""

import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from yolact_tf.choose.data_look import DataLook, look_at
from yolact_tf.choose.fit import fit_anchors, fit_slots, fitted_image_size
from yolact_tf.choose.rules import Machine, rule_for, this_machine
from yolact_tf.config import Config
from yolact_tf.data.load import load_data
from yolact_tf.fields import override
from yolact_tf.files import PathLike
from yolact_tf.recipes import load_config
from yolact_tf.runs import config_of, is_run


@dataclass(frozen=True)
class Choice:
    """A Config, and what to tell of how it came about, a line each."""

    config: Config
    lines: tuple[str, ...]


def choose(data: PathLike, overrides: Iterable[str] = (), weights: PathLike | None = None) -> Choice:
    """The Choice for a data folder; `overrides`, `section.field=value` texts, win over what it fits.

    weights: what training starts from. Those of a run bring its recipe as it is; any others are a
    ValueError, since they do not say which network they are of.
    """
    overrides = list(overrides)
    if weights is not None:
        return _of_run(Path(weights), overrides)
    settings = override(Config(), overrides).data
    with _in_silence():
        look = look_at(load_data(data, "train", settings))
    return choice_for(look, this_machine(), overrides)


def choice_for(look: DataLook, machine: Machine, overrides: Iterable[str] = ()) -> Choice:
    """The Choice for data that look so, on a Machine."""
    overrides = list(overrides)
    taken = {text.partition("=")[0].strip() for text in overrides}
    rule = rule_for(look, machine)
    config = load_config(rule.recipe, overrides)
    fitted, told = [], "anchors as set"
    if "data.image_size" not in taken:
        size = fitted_image_size(
            look.small_side, config.data.image_size, config.train.minutes, machine.has_gpu
        )
        fitted += [f"data.image_size={size}"] if size != config.data.image_size else []
        config = override(config, fitted)
    if "anchors.sizes" not in taken:
        of_anchors, told = fit_anchors(look, config)
        fitted += of_anchors
    fitted += [text for text in fit_slots(look, config) if text.partition("=")[0] not in taken]
    settings = " ".join(f"--set {text}" for text in fitted) or "nothing"
    lines = (
        look.summary,
        f"recipe {rule.recipe}: {rule.reason}",
        f"fitted to the objects: {settings}; {told}",
    )
    return Choice(override(config, fitted), lines)


@contextlib.contextmanager
def _in_silence():
    """What loading has to say is said again, when training loads the same data."""
    logger = logging.getLogger("yolact_tf.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _of_run(weights, overrides):
    run = next((folder for folder in (weights, weights.parent.parent) if is_run(folder)), None)
    if not weights.exists() or run is None:
        raise ValueError(
            "--weights without a RECIPE must be a run, whose recipe is taken then. "
            f"Received: {str(weights)!r}; expected yolact train RECIPE … for the network that it is of"
        )
    config = config_of(run, overrides)
    return Choice(config, (f"recipe {config.name}, that of {run}, whose weights it starts from",))
