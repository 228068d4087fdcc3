"""What every artefact of one image and a fixed size says of itself."""

import dataclasses
import json
from typing import Any

from yolact_tf.preprocess import GREY_WEIGHTS
from yolact_tf.runs import Run

_COLORS = {3: "RGB", 1: "grey ({} red + {} green + {} blue)".format(*GREY_WEIGHTS)}
_MAX_LABEL_LINES = 100_000  # category ids may be any number; metadata.json has them all


def describe(run: Run) -> dict[str, Any]:
    """metadata.json: what to feed the artefact of `run`, how it detects, and what its classes are called."""
    channels, detect = run.config.data.channels, dataclasses.asdict(run.config.detect)
    del detect["precision"]  # which is that of a run's network: an artefact's is told beside
    return {
        "name": run.config.name,
        "image_size": run.config.data.image_size,
        "input": f"image: float32 [1, S, S, {channels}], {_COLORS[channels]} 0..255",
        "boxes": "x1, y1, x2, y2 in 0..1 of the image",
        "masks": "probabilities at prototype size, cropped to the box; over 0.5 after resizing",
        "anchors": run.model.anchor_settings,
        "detect": {**detect, "score_activation": run.config.score_activation},
        "num_classes": len(run.labels),
        "labels": {str(category): name for category, name in run.labels.items()},
    }


def metadata_files(metadata: dict[str, Any], labels: dict[int, str]) -> dict[str, str]:
    """File name -> text: metadata.json, and labels.txt where the ids can be counted."""
    files = {"metadata.json": json.dumps(metadata, indent=2)}
    if min(labels) >= 0 and max(labels) < _MAX_LABEL_LINES:
        files["labels.txt"] = _label_lines(labels)
    return files


def _label_lines(labels):
    """A line for each id from 0 on, as readers of TFLite models count; "???" where no category has it."""
    names = [labels.get(category, "???") for category in range(max(labels) + 1)]
    return "".join(" ".join(name.splitlines()) + "\n" for name in names)
