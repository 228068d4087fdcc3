"""The YAML at the top of a model card, which the hub finds, filters and shows models by."""

import math
from collections.abc import Mapping
from typing import Any

import yaml

from yolact_tf.share.facts import AuthorFacts, RunFacts, Scores

_TASK = "image-segmentation"  # the nearest that the hub has
_FENCE = "---\n"
_TOLD = ("AP", "AP50", "AP75")


def front_matter(facts: RunFacts, author: AuthorFacts, name: str) -> str:
    """The block with its fences; `name` is what the model is called."""
    content: dict[str, Any] = {"license": author.license} if author.license else {}
    content |= {
        "library_name": "yolact_tf",
        "pipeline_tag": _TASK,
        "tags": ["instance-segmentation", "object-detection", "yolact", "tensorflow"],
    }
    values = told_scores(facts.scores) if facts.scores else {}
    if facts.scores and values:
        content["model-index"] = [_index(facts.scores, values, author, name)]
    return _FENCE + yaml.safe_dump(content, sort_keys=False, allow_unicode=True) + _FENCE


def told_scores(scores: Scores) -> dict[str, float]:
    """{"mask AP": value, …} as a card has them, of four digits; without those that COCO does not have."""
    kinds = {"mask": scores.masks, "box": scores.boxes}
    return {
        f"{kind} {stat}": round(of_kind[stat], 4)
        for kind, of_kind in kinds.items()
        for stat in _TOLD
        if is_known(of_kind.get(stat))
    }


def scores_in(card: str) -> dict[str, float]:
    """`told_scores` of the text of a card; empty where it has none in a form of ours."""
    _, _, rest = card.partition(_FENCE)
    block, fence, _ = rest.partition(_FENCE)
    if not card.startswith(_FENCE) or not fence:
        return {}
    try:
        (model,) = yaml.safe_load(block)["model-index"]
        (result,) = model["results"]
        return {metric["name"]: float(metric["value"]) for metric in result["metrics"]}
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        return {}


def is_known(value: float | None) -> bool:
    """Whether COCO has this number: it says -1 of what has no objects."""
    return value is not None and math.isfinite(value) and value >= 0


def _index(scores: Scores, values: Mapping[str, float], author: AuthorFacts, name: str) -> dict[str, Any]:
    # The hub demands a name and a type of the data.
    data = author.data_name or f"{scores.num_images} images of the last evaluation"
    metrics = [
        {"type": kind.lower().replace(" ", "_"), "name": kind, "value": value}
        for kind, value in values.items()
    ]
    result = {
        "task": {"type": _TASK, "name": "Instance segmentation"},
        "dataset": {"type": "coco-annotations", "name": data},
        "metrics": metrics,
    }
    return {"name": name, "results": [result]}
