"""What the files of a run know of it, and what only its author does."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from yolact_tf.config import Config
from yolact_tf.detect.thresholds import THRESHOLDS, read_thresholds
from yolact_tf.files import PathLike
from yolact_tf.runs import config_of, is_run, load_run_labels
from yolact_tf.train.watch.run_log import read_log

if TYPE_CHECKING:
    from yolact_tf.explain.model_info import ModelInfo

# The hub's own rule is the list on its page of licences, which it holds a card against.
_LICENSE = r"[a-z0-9][a-z0-9.+-]*"
_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"


@dataclass(frozen=True)
class AuthorFacts:
    """What no file of a run tells. None is not said."""

    license: str | None = None  # of the weights, as the hub names it: "apache-2.0", "cc-by-4.0", "other"
    repository: str | None = None  # where the run is to be had, USER/NAME
    data_name: str | None = None  # what the data are called

    def __post_init__(self):
        if self.license is not None and not re.fullmatch(_LICENSE, self.license):
            raise ValueError(
                "A licence must be named as the hub names it, such as apache-2.0, mit, cc-by-4.0 or other. "
                f"Received: {self.license!r}"
            )
        if self.repository is not None:
            require_repository(self.repository)


class Scores(NamedTuple):
    """metrics.json: AP by COCO's names, fractions; below 0 or NaN where COCO has none."""

    num_images: int
    boxes: dict[str, float]
    masks: dict[str, float]
    per_class: dict[str, tuple[float, float]]  # name -> box and mask AP


class SplitCounts(NamedTuple):
    """What data.json counts of a split."""

    images: int  # that were counted
    of: int
    objects: int
    classes: dict[str, int]  # name -> objects


class Speed(NamedTuple):
    """What benchmark.json says of the run, or of what was exported of it."""

    model: str  # kind, precision, device and threads
    p50: float  # ms from the bytes of a file to a picture
    p90: float


@dataclass(frozen=True)
class RunFacts:
    """What a run knows of itself. Empty and None is what it has no file of."""

    path: Path
    config: Config
    labels: dict[int, str]
    network: "ModelInfo"
    epochs: int | None  # that its log has
    train: SplitCounts | None
    val: SplitCounts | None
    scores: Scores | None
    thresholds: dict[int, float]  # category id -> what is shown scores more
    processor: str | None  # that the speeds are of
    speeds: tuple[Speed, ...]


def run_facts(run: PathLike) -> RunFacts:
    """The RunFacts of a run folder with weights. ValueError and FileNotFoundError name the file at fault."""
    # With TensorFlow, which pulling does without.
    from yolact_tf.explain.model_info import model_info

    path = Path(run)
    if not is_run(path):
        raise FileNotFoundError(f"Expected a run folder, with config.json. Received: {str(run)!r}")
    labels = load_run_labels(path)
    log = read_log(path / "log.csv")
    data = _parsed(path / "data.json", _splits, "what `yolact train` says of its data") or {}
    benchmark = _parsed(path / "benchmark.json", _speeds, "what `yolact benchmark` writes")
    return RunFacts(
        path=path,
        config=config_of(path),
        labels=labels,
        network=model_info(path),
        epochs=int(log["epoch"][-1]) + 1 if log else None,
        train=data.get("train"),
        val=data.get("val"),
        scores=read_scores(path),
        thresholds=read_thresholds(path, labels) if (path / THRESHOLDS).is_file() else {},
        processor=benchmark[0] if benchmark else None,
        speeds=benchmark[1] if benchmark else (),
    )


def read_scores(run: PathLike) -> Scores | None:
    """The Scores of a run folder; None where it has no metrics.json, ValueError where that is none."""
    return _parsed(Path(run) / "metrics.json", _scores, "what `yolact evaluate` writes")


def require_repository(name: str) -> None:
    """ValueError unless `name` reads USER/NAME."""
    if not re.fullmatch(_REPOSITORY, name, re.ASCII):
        raise ValueError(f"A repository must read USER/NAME. Received: {name!r}")


def _parsed(file: Path, parse: Callable[[Any], Any], expected: str) -> Any:
    """What `parse` makes of the JSON in `file`; None where there is no file."""
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        return parse(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ValueError(f"{file}: expected {expected}. Received: {text[:80]!r}") from None


def _scores(content):
    per_class = {name: (float(ap["bbox"]), float(ap["segm"])) for name, ap in content["per_class"].items()}
    return Scores(int(content["images"]), _floats(content["bbox"]), _floats(content["segm"]), per_class)


def _floats(numbers: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items()}


def _splits(content):
    return {
        split: SplitCounts(
            int(counts["images"]),
            int(counts["of"]),
            int(counts["objects"]),
            {name: int(count) for name, count in counts["classes"].items()},
        )
        for split, counts in content.items()
        if split in ("train", "val")
    }


def _speeds(content):
    """(processor and cores, Speeds)."""
    machine, speeds = content["machine"], []
    for model in content["models"]:
        threads = model["threads"]
        device = f"{model['device']}, {threads} threads" if threads else str(model["device"])
        name = f"{model['kind']}, {model['precision']}, {device}"
        times = _floats(model["milliseconds"])
        speeds.append(Speed(name, times["p50"], times["p90"]))
    return f"{machine['processor']}, {machine['cores']} cores", tuple(speeds)
