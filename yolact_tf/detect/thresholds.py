"""Score thresholds by class, as an evaluation of a run recommends them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.files import PathLike

THRESHOLDS = "thresholds.json"  # in a run
_EXPECTED = 'expected {"all": a score, "per_class": {category id: a score}}, scores in 0..1'


def read_thresholds(path: PathLike, labels: Mapping[int, str]) -> dict[int, float]:
    """Category id -> score threshold, for each of `labels`: its own, or where it has none that of all.

    path: a thresholds.json, or a run that has one.  FileNotFoundError where it is not there, ValueError
    where it is none or of other classes.
    """
    file = Path(path) / THRESHOLDS if Path(path).is_dir() else Path(path)
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: expected the score thresholds that `yolact evaluate` finds. Received none"
        )
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        content = json.loads(text)
        of_all = _score(content["all"])
        per_class = {int(key): _score(value) for key, value in content["per_class"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(f"{file}: {_EXPECTED}. Received: {text[:80]!r}") from None
    others = sorted(set(per_class) - set(labels))
    if others:
        raise ValueError(f"{file}: expected thresholds of {sorted(labels)}. Received those of {others}, too")
    return {category_id: per_class.get(category_id, of_all) for category_id in labels}


def threshold_of_each(
    thresholds: float | Mapping[int, float] | Mapping[str, float],
    class_ids: np.ndarray,
    class_names: tuple[str, ...],
) -> float | np.ndarray:
    """The score that each object must exceed, [n], or one number for all.

    thresholds: a number, or one by category id or name.  ValueError for a class that it leaves out.
    """
    if not isinstance(thresholds, Mapping):
        return thresholds
    by_class: Mapping[Any, float] = thresholds
    found = []
    for class_id, name in zip(class_ids.tolist(), class_names, strict=True):
        key = class_id if class_id in by_class else name
        if key not in by_class:
            raise ValueError(
                f"Expected a score threshold for each class. Received none for {name!r} ({class_id}), "
                f"only for {list(by_class)[:12]}"
            )
        found.append(by_class[key])
    return np.array(found, np.float32)


def _score(value):
    if isinstance(value, bool) or not 0 <= float(value) <= 1:
        raise ValueError(value)
    return float(value)
