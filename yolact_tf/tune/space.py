"""What a search varies: fields of a recipe, each in a range or among choices."""

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from yolact_tf.config import Config
from yolact_tf.fields import override

if TYPE_CHECKING:  # an extra
    from optuna import Trial

_LOG_FROM = 10.0  # ratio of the ends from which a range is searched by factors
_BY_TIME = ("train.minutes", "train.epochs")  # which the budget decides


class Range(NamedTuple):
    """Numbers from `low` to `high`, both included; whole ones where both are int."""

    low: float
    high: float
    is_log: bool


class Choices(NamedTuple):
    """Some values, as `--set` takes them."""

    texts: tuple[str, ...]


Space = dict[str, Range | Choices]


def default_space(config: Config) -> Space:
    """The fields that matter most on own data, round the values that the recipe has."""
    train = config.train
    found = {
        "train.learning_rate": _round(train.learning_rate, 4),
        "train.weight_decay": _round(train.weight_decay or 1e-4, 8),
        "train.warmup_steps": _round(train.warmup_steps or 100, 4),
        "train.ema": Choices(("0", "0.98", "0.99", "0.996")),
        "data.expand": Range(1.0, 4.0, False),
        "data.scale_jitter": Choices(("1,1", "0.7,1.4", "0.4,2")),
        "data.copy_paste": Range(0.0, 0.8, False),
        "data.mosaic": Range(0.0, 0.5, False),
        "loss.class_loss": Choices(("ohem", "balanced", "focal")),
    }
    if train.optimizer == "sgd":
        found["train.momentum"] = Range(0.8, 0.95, False)
    return {path: _with_own(values, path, config) for path, values in found.items()}


def parse_space(texts: Iterable[str], config: Config) -> Space:
    """The Space of `field=low..high` and `field=one/of/these` texts; wide ranges are searched by factors.

    ValueError for what is no field of `config`, or no value of it.
    """
    return dict(_parsed(text, config) for text in texts)


def suggested(trial: "Trial", space: Space) -> list[str]:
    """The `--set` texts of a trial."""
    return [f"{path}={_suggest(trial, path, values)}" for path, values in space.items()]


def own_point(config: Config, space: Space) -> dict[str, Any] | None:
    """{path: what `suggested` would have to draw} for the recipe as it is; None where that is outside."""
    point: dict[str, Any] = {}
    for path, values in space.items():
        own = value_at(config, path)
        if isinstance(values, Choices):
            point[path] = text_of(own)
            is_inside = point[path] in values.texts
        else:
            point[path] = own
            is_inside = values.low <= own <= values.high
        if not is_inside:
            return None
    return point


def value_at(config: Config, path: str) -> Any:
    """What a config has at section.field."""
    return reduce(getattr, path.split("."), config)


def text_of(value: Any) -> str:
    """A value as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(text_of, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _round(value, factor):
    kind = type(value)
    return Range(kind(value / factor), kind(value * factor), True)


def _with_own(values, path, config):
    own = value_at(config, path)
    if isinstance(values, Choices):
        return Choices(tuple(dict.fromkeys([*values.texts, text_of(own)])))
    return values._replace(low=min(values.low, own), high=max(values.high, own))


def _parsed(text, config):
    path, equals, values = (part.strip() for part in text.partition("="))
    ends = values.split("..")
    if not equals or len(ends) > 2:
        raise ValueError(
            "--search must read field=low..high or field=one/of/these, such as "
            f"train.learning_rate=1e-4..1e-2. Received: {text!r}"
        )
    if path in _BY_TIME:
        raise ValueError(f"--search must leave {path} to --time. Received: {text!r}")
    if len(ends) == 1:
        return path, Choices(tuple(text_of(_checked(config, path, part)) for part in values.split("/")))
    low, high = (_checked(config, path, end) for end in ends)
    if type(low) not in (int, float) or not low < high:
        raise ValueError(f"--search must give two numbers, the lower first. Received: {text!r}")
    return path, Range(low, high, low > 0 and high / low >= _LOG_FROM)


def _checked(config, path, text):
    """What `config` makes of a text, which its other fields allow, too."""
    return value_at(override(config, [f"{path}={text}"]), path)


def _suggest(trial, path, values):
    if isinstance(values, Choices):
        return trial.suggest_categorical(path, values.texts)
    suggest = trial.suggest_int if isinstance(values.low, int) else trial.suggest_float
    return text_of(suggest(path, values.low, values.high, log=values.is_log))
