"""What of a run is shared: what it takes to use it, without optimizer, data and paths of its machine."""

import dataclasses
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from yolact_tf.config import Config
from yolact_tf.detect.thresholds import THRESHOLDS
from yolact_tf.files import write_text
from yolact_tf.model.backbones import START_WORDS
from yolact_tf.model.backbones.hub_preset import PREFIX, folder_of
from yolact_tf.runs import find_weights, load_run, save_run
from yolact_tf.share.card import CARD

DESCRIPTION = ("config.json", "labels.json")
WEIGHTS = ("weights/best.weights.h5", "weights/last.weights.h5")
RESULTS = ("metrics.json", THRESHOLDS)
_PICTURE = re.compile(r"\]\((plots/[\w-]+\.(?:jpg|png))\)", re.ASCII)


def pack(run: Path, folder: Path, card: str) -> list[str]:
    """Fills an empty folder with what is shared of a run, and returns the names of its files.

    The weights are those that `load_run` takes, written anew: Keras may have left an optimizer in their file.
    ValueError where the run does not load.
    """
    loaded, weights = load_run(run), find_weights(run)
    name = weights.name.removesuffix(".weights.h5")
    save_run(folder, loaded.model, without_paths(loaded.config), loaded.labels, name)
    for extra in (*RESULTS, *pictures_of(card)):
        if (run / extra).is_file():
            (folder / extra).parent.mkdir(exist_ok=True)
            shutil.copyfile(run / extra, folder / extra)
    write_text(folder / CARD, card)
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def without_paths(config: Config) -> Config:
    """`config` without the names of folders and files, which only its machine has."""
    data, model = config.data, config.model
    if data.cache not in ("none", "memory"):
        data = dataclasses.replace(data, cache="none")
    if model.backbone_weights not in START_WORDS:
        model = dataclasses.replace(model, backbone_weights="random")
    if folder := folder_of(model.backbone):  # of which the run knows the layers
        model = dataclasses.replace(model, backbone=PREFIX + folder.name)
    return dataclasses.replace(config, data=data, model=model)


def parts_in(names: Iterable[str]) -> list[str]:
    """Of the files of a repository those of a run, but for pictures: what describes it first.

    ValueError where they make no run.
    """
    names = set(names)
    weights = [name for name in WEIGHTS if name in names]
    missing = [name for name in DESCRIPTION if name not in names]
    if missing or not weights:
        raise ValueError(
            f"expected a run: {', '.join(DESCRIPTION)}, and {WEIGHTS[0]} or {WEIGHTS[1]}. "
            f"Received: {', '.join(sorted(names)[:6]) or 'no files'}"
        )
    return [*DESCRIPTION, *(name for name in (*RESULTS, CARD) if name in names), weights[0]]


def pictures_of(card: str) -> list[str]:
    """The pictures in plots/ that a card shows, by their names."""
    return list(dict.fromkeys(_PICTURE.findall(card)))
