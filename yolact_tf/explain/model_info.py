"""What a model is: a run, a recipe that nobody has trained yet, or an artefact as far as it tells."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.anchors import anchors_per_cell, build_anchors, level_starts, pyramid_sizes
from yolact_tf.config import AnchorConfig
from yolact_tf.data.inspect.anchor_fit import AnchorFit, fit_of
from yolact_tf.data.load import load_data
from yolact_tf.data.split import Split
from yolact_tf.detect.engines import open_artefact
from yolact_tf.explain.network_parts import Part, parts_of
from yolact_tf.explain.tflite_parts import parts_of_tflite
from yolact_tf.files import PathLike
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.runs import config_of, find_weights, is_run, load_run_labels, untrained


@dataclass(frozen=True)
class AnchorLevel:
    """The anchors of one level of the pyramid."""

    name: str  # P3..P7
    cells: int  # a side
    stride: float  # pixels of the input from cell to cell
    per_cell: int
    shapes: tuple[tuple[float, float], ...]  # width and height of those of a cell, pixels of the input

    @property
    def count(self) -> int:
        """Anchors of the level."""
        return self.cells * self.cells * self.per_cell


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model."""

    kind: str  # "run", "recipe", or the format of an artefact
    facts: dict[str, str]  # in words, what else is known
    parts: tuple[Part, ...] = ()  # none where an artefact does not tell
    anchors: dict[str, Any] = field(default_factory=dict)  # arguments of `build_anchors`, likewise

    @property
    def parameters(self) -> int:
        """Of all parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """Those that inference needs of one image."""
        return sum(part.multiply_adds for part in self.parts if not part.only_trains)

    @property
    def levels(self) -> list[AnchorLevel]:
        """The anchors level by level."""
        return anchor_levels(**self.anchors) if self.anchors else []


def model_info(model: PathLike, overrides: Iterable[str] = ()) -> ModelInfo:
    """The ModelInfo of a run folder, of an artefact of `yolact export`, or of a recipe by path or bare name.

    overrides: of a recipe, `section.field=value`. ValueError or FileNotFoundError for anything else.
    """
    path, overrides = Path(model), list(overrides)
    is_made = is_run(path) or (path.exists() and path.suffix != ".py")
    if is_made and overrides:
        raise ValueError(f"--set is for recipes: {str(model)!r} is what it is. Received: {overrides[0]!r}")
    if is_run(path):
        return _of_run(path, config_of(path))
    if is_made:
        return _of_artefact(path)
    config = load_config(model, overrides)
    return _of_config("recipe", config, {"name": config.name, "classes": str(config.model.num_classes)})


def anchor_recall(info: ModelInfo, data: PathLike | Split, split: str = "train") -> AnchorFit:
    """The AnchorFit of a model's anchors on the objects of a split, crowds left out.

    ValueError for a model that does not tell its anchors.
    """
    if not info.anchors:
        raise ValueError(
            "Expected a model that tells its anchors, to see whom they meet: a run, a recipe, or an artefact "
            f"with metadata. Received: {info.kind}"
        )
    settings = {name: value for name, value in info.anchors.items() if name != "image_size"}
    boxes = [record.boxes[~record.is_crowd] for record in load_data(data, split).records]
    return fit_of(np.concatenate(boxes), info.anchors["image_size"], AnchorConfig(**settings))


def anchor_levels(image_size: int, **shapes: Any) -> list[AnchorLevel]:
    """The AnchorLevels of these arguments of `build_anchors`."""
    anchors = build_anchors(image_size, **shapes) * image_size
    per_cell = anchors_per_cell(shapes["scales"], shapes["ratios"])
    levels = []
    cells_and_starts = zip(pyramid_sizes(image_size), level_starts(image_size, per_cell), strict=True)
    for number, (cells, start) in enumerate(cells_and_starts, 3):
        x1, y1, x2, y2 = anchors[start : start + per_cell].T
        sides = tuple(zip((x2 - x1).tolist(), (y2 - y1).tolist(), strict=True))
        levels.append(AnchorLevel(f"P{number}", cells, image_size / cells, per_cell, sides))
    return levels


def _of_run(path, config):
    weights, labels = find_weights(path), load_run_labels(path)
    facts = {
        "recipe": config.name,
        "weights": f"{weights.name}, {_megabytes([weights])}",
        "classes": _classes(labels),
    }
    return _of_config("run", config, facts)


def _of_config(kind, config, facts):
    model = build_yolact(untrained(config))
    size, prototypes = config.data.image_size, model.get_layer("prototypes").output.shape
    facts = {
        **facts,
        "backbone": config.model.backbone,
        "input": _input(size, config.data.channels),
        "prototypes": f"{prototypes[3]} of {prototypes[1]} x {prototypes[2]}",
    }
    parts = parts_of(model, config.detect.max_detections)
    return ModelInfo(kind, facts, tuple(parts), model.anchor_settings)


def _of_artefact(path):
    engine = open_artefact(path)
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    facts = {"size": _megabytes(files), "precision": engine.precision, "classes": _classes(engine.labels)}
    if engine.image_size:
        facts["input"] = _input(engine.image_size, engine.channels)
    for name, function in sorted(getattr(engine, "signatures", {}).items()):
        facts[name] = _signature(function)
    parts = parts_of_tflite(path.read_bytes()) if path.suffix == ".tflite" else ()
    return ModelInfo(engine.kind, facts, tuple(parts), engine.anchor_settings or {})


def _input(side, channels):
    return f"{side} x {side} px" + (", grey" if channels == 1 else "")


def _classes(labels):
    names = ", ".join(labels.values())
    return f"{len(labels)}: {names}" if len(names) <= 100 else f"{len(labels)}: {names[:100]}…"


def _megabytes(files):
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"


def _signature(function):
    """What a function of a SavedModel takes and gives: "images uint8 any x any x any x 3 → boxes, …"."""
    taken = ", ".join(
        f"{spec.name} {spec.dtype.name} {_shape(spec.shape)}"
        for spec in function.structured_input_signature[1].values()
    )
    return f"{taken} → {', '.join(sorted(function.structured_outputs))}"


def _shape(shape):
    if shape.rank is None:
        return "of any shape"
    return " x ".join("any" if side is None else str(side) for side in shape)
