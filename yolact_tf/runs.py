"""A run folder: config.json, labels.json, weights/. Written whole or not at all."""

import contextlib
import dataclasses
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras

from yolact_tf.config import Config
from yolact_tf.fields import override
from yolact_tf.files import PathLike, atomic_path, write_text
from yolact_tf.labels import labels_from_json, labels_to_json
from yolact_tf.model import build_yolact
from yolact_tf.model.backbones.hub_preset import describe_preset, is_preset
from yolact_tf.recipes import load_config
from yolact_tf.replicas import outside_distribution


@dataclass(frozen=True, eq=False)
class Run:
    """A model with the config it was built from and the names of its classes."""

    model: keras.Model
    config: Config
    labels: dict[int, str]  # category id -> name, ids in rising order: class c is the c-th
    path: Path | None = None


def save_run(
    path: PathLike, model: keras.Model, config: Config, labels: dict[int, str], name: str = "last"
) -> None:
    """Writes `model` as a run that `load_run` opens; `name` is "last" or "best"."""
    path = Path(path)
    describe_run(path, config, labels)
    save_weights(model, path, name)


def require_new_run(path: PathLike) -> None:
    """ValueError where `path` holds a run already."""
    if (Path(path) / "config.json").exists():
        raise ValueError(
            "--run must be a new folder, but for `yolact train --resume`, which goes on with a run. "
            f"Received: {str(path)!r}, which holds a run already"
        )


def describe_run(path: PathLike, config: Config, labels: dict[int, str]) -> None:
    """Writes config.json and labels.json of a run."""
    (Path(path) / "weights").mkdir(parents=True, exist_ok=True)
    write_text(Path(path) / "config.json", with_preset(config).to_json())
    write_text(Path(path) / "labels.json", labels_to_json(labels))


def save_weights(model: keras.Model, path: PathLike, name: str) -> None:
    """Writes weights/NAME.weights.h5 of the run at `path`, without what the optimizer knows."""
    target = Path(path) / "weights" / f"{name}.weights.h5"
    with outside_distribution(), _no_optimizer(model), atomic_path(target, suffix=".weights.h5") as temporary:
        model.save_weights(temporary)


@contextlib.contextmanager
def _no_optimizer(model):
    """Keras writes an optimizer's variables with the weights: for AdamW with averages six times as many."""
    optimizer, model.optimizer = getattr(model, "optimizer", None), None
    try:
        yield
    finally:
        model.optimizer = optimizer


def load_run(path: PathLike, overrides: Iterable[str] = ()) -> Run:
    """The Run in folder `path`, with its best weights, or its last where there are no best.

    overrides: `detect.field=value` texts, for another way from predictions to detections.
    FileNotFoundError names the missing file; ValueError a file that does not fit, or another override.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"A run must be a folder. Received: {str(path)!r}, which is none")
    config = _overridden(Config.from_json(_read(path, "config.json")), list(overrides))
    labels = load_run_labels(path)
    weights = find_weights(path)
    model = build_yolact(untrained(config))
    load_weights(model, weights)
    return Run(model, config, labels, path)


def config_of(name: PathLike, overrides: Iterable[str] = ()) -> Config:
    """The `Config` of a run folder, or of a recipe as `load_config` finds it; `overrides` likewise."""
    if is_run(name):
        return override(Config.from_json(_read(Path(name), "config.json")), overrides)
    return load_config(name, overrides)


def is_run(path: PathLike) -> bool:
    """Whether a folder is one of a run."""
    return (Path(path) / "config.json").is_file()


def load_run_labels(path: PathLike) -> dict[int, str]:
    """Category id -> name of a run folder, ids in rising order."""
    return labels_from_json(_read(Path(path), "labels.json"), Path(path) / "labels.json")


def load_weights(model: keras.Model, path: PathLike) -> None:
    """Loads a .weights.h5 file into `model`. ValueError in one line where it does not fit."""
    try:
        with warnings.catch_warnings():
            # Keras warns of every missing group before it raises.
            warnings.simplefilter("ignore")
            model.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        line = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: expected weights of {model.name!r}. Received: {line}") from None


def find_weights(path: PathLike) -> Path:
    """The best weights of a run folder, else the last."""
    for name in ("best", "last"):
        weights = Path(path) / "weights" / f"{name}.weights.h5"
        if weights.is_file():
            return weights
    raise FileNotFoundError(f"{path}: expected weights/best.weights.h5 or weights/last.weights.h5")


def with_preset(config: Config, known: Config | None = None) -> Config:
    """`config` with what KerasHub says of its backbone, if that is a preset: it then makes the same network
    where the preset is out of reach, or has changed.

    known: the config of a run to go on with, which is asked first.
    """
    name = config.model.backbone
    if not is_preset(name) or config.model.backbone_preset:
        return config
    described = known.model.backbone_preset if known and known.model.backbone == name else ""
    model = dataclasses.replace(config.model, backbone_preset=described or describe_preset(name))
    return dataclasses.replace(config, model=model)


def untrained(config: Config) -> Config:
    """`config` with a backbone that downloads nothing, for weights that are loaded anyway."""
    model = dataclasses.replace(config.model, backbone_weights="random")
    return dataclasses.replace(config, model=model)


def _overridden(config, overrides):
    fixed = [text for text in overrides if not text.strip().startswith("detect.")]
    if fixed:
        raise ValueError(
            "Of a run, only `detect` can be set, as in detect.nms=cross_class; the rest is what was trained. "
            f"Received: {fixed[0]!r}"
        )
    return override(config, overrides)


def _read(path, name):
    file = path / name
    if not file.is_file():
        raise FileNotFoundError(f"{path}: expected a run folder with {name}. Received none")
    return file.read_text(encoding="utf-8")
