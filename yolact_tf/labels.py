"""Category id -> name: as JSON text and back, and names that tell categories apart."""

import json
from collections import Counter

from yolact_tf.files import PathLike


def labels_to_json(labels: dict[int, str]) -> str:
    """The text of a labels.json, which `labels_from_json` reads."""
    return json.dumps({str(key): name for key, name in labels.items()}, indent=2, ensure_ascii=False) + "\n"


def labels_from_json(text: str, origin: PathLike) -> dict[int, str]:
    """Category id -> name, ids in rising order. ValueError with `origin` for text that is no labels.json."""
    try:
        labels = {int(key): name for key, name in json.loads(text).items()}
    except (ValueError, AttributeError, RecursionError):
        labels = {}
    if not labels or not all(isinstance(name, str) for name in labels.values()):
        raise ValueError(f"{origin}: expected category ids and their names. Received: {text[:80]!r}")
    return dict(sorted(labels.items()))


def distinct_names(labels: dict[int, str]) -> list[str]:
    """[name of each category], with the id behind a name that several have."""
    counts = Counter(labels.values())
    return [name if counts[name] == 1 else f"{name} ({key})" for key, name in labels.items()]
