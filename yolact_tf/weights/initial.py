"""Where a training starts from: a run, a published file, or a backbone trained on ImageNet."""

import dataclasses
import logging
from pathlib import Path

from yolact_tf.config import Config
from yolact_tf.files import PathLike
from yolact_tf.model import Yolact
from yolact_tf.model import build_yolact as build_network
from yolact_tf.model.backbones import START_WORDS, WITH_IMAGENET, has_imagenet
from yolact_tf.model.backbones.hub_preset import is_preset
from yolact_tf.runs import Run, is_run, load_run, load_weights, untrained
from yolact_tf.weights.labels import published_labels
from yolact_tf.weights.published import load_reference, read_reference
from yolact_tf.weights.transfer import Slot, Transfer, class_keys, named_variables, transfer

logger = logging.getLogger(__name__)

_KINDS = "a run folder, a .weights.h5, .pth or .safetensors file"


def build_yolact(config: Config) -> Yolact:
    """The functional model of `config`: images [B, S, S, 3] RGB 0..255 -> Predictions.

    Normalisation is inside. `model.anchors` holds the [A, 4] corners that the outputs refer to. Of
    `data.channels` 1 images are [B, S, S, 1]. It has the weights that `model.backbone_weights` says, which
    may be a path as `load_backbone` takes it.
    """
    source, name = config.model.backbone_weights, config.model.backbone
    if source in START_WORDS:
        return build_network(config)
    model = build_network(untrained(config))
    loaded = load_backbone(model, source, name)
    logger.warning("%s: %d tensors loaded into the backbone %s", source, loaded, name)
    return model


def with_start_word(config: Config, word: str) -> Config:
    """`config` whose backbone starts as a word of `START_WORDS` says. ValueError for ImageNet's weights
    where none are at hand."""
    if word == "imagenet" and not has_imagenet(config.model.backbone):
        raise ValueError(
            f"--weights imagenet needs a backbone among {', '.join(WITH_IMAGENET)} and keras_hub:PRESET; "
            f"others take them from a file, --weights FILE. Received: {config.model.backbone}"
        )
    model = dataclasses.replace(config.model, backbone_weights=word)
    return dataclasses.replace(config, model=model)


def load_start_weights(model: Yolact, path: PathLike, labels: dict[int, str]) -> Transfer:
    """Fills `model` from a run folder, its .weights.h5, or a file of the original; returns the Transfer.

    labels: category id -> name of the data to train on. Where the source knows other names, or another
    number of classes, layers that depend on the classes start afresh; whatever else does not fit is
    a ValueError and leaves the model as it was.
    """
    source = _existing(path, f"--weights must be {_KINDS}, imagenet or random")
    run = _run_of(source)
    if run:
        same_classes = list(run.labels.values()) == list(labels.values())
        known, slots = _tensors(run.model), _slots(model)
        return transfer(known, slots, source, fresh=class_keys(slots, known, same_classes))
    if source.name.endswith(".weights.h5"):  # must fit whole: nothing tells its classes
        load_weights(model, source)
        return Transfer(len(named_variables(model)), ())
    tensors = read_reference(source)
    return load_reference(model, tensors, source, _same_classes(tensors, labels))


def load_backbone(model: Yolact, path: PathLike, name: str) -> int:
    """Fills the backbone of `model` from a run folder, its .weights.h5, or a published file of a whole
    network or of a backbone alone; returns how many tensors that are.

    name: what recipes call the backbone. ValueError in one line for another one.
    """
    source = _existing(path, f"`model.backbone_weights` must be imagenet, random, {_KINDS}")
    run = _run_of(source)
    if run:
        names = {name, run.config.model.backbone}
        # A preset has many names: whether tensors fit tells.
        if len(names) > 1 and not all(map(is_preset, names)):
            raise ValueError(
                f"{source}: expected a run with the backbone {name}, as in the recipe. "
                f"Received: {run.config.model.backbone}"
            )
        return transfer(_tensors(run.model, "backbone"), _slots(model, "backbone"), source).loaded
    if source.name.endswith(".weights.h5"):
        raise ValueError(
            f"{source}: expected a .weights.h5 in a run, which tells what it is. Received: no run"
        )
    tensors = {key: value for key, value in read_reference(source).items() if key.startswith("backbone.")}
    return load_reference(model, tensors, f"{source}, for the backbone {name}").loaded


def _existing(path, expected):
    """`path` as a Path, `~` being the home folder: no shell expands it in --set."""
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{expected}. Received: {str(path)!r}, which is not there")
    return path


def _run_of(path: Path) -> Run | None:
    """The Run in the folder `path`, or that a .weights.h5 lies in, with those weights; else None."""
    if path.is_dir():
        return load_run(path)
    folder = path.parent.parent
    if not path.name.endswith(".weights.h5") or not is_run(folder):
        return None
    run = load_run(folder)
    load_weights(run.model, path)
    return run


def _tensors(model, part=None):
    return {key: slot.variable for key, slot in _slots(model, part).items()}


def _slots(model, part=None):
    """{"sub-model/path": Slot} of a model, or of its sub-model `part`."""
    return {
        f"{of_part}/{path}": Slot(of_part, path, variable, tuple(variable.shape))
        for (of_part, path), variable in named_variables(model).items()
        if part in (None, of_part)
    }


def _same_classes(tensors, labels):
    """Whether the original's `tensors` were trained on classes of these names, as far as can be told."""
    semantic = tensors.get("semantic_seg_conv.weight")
    if semantic is None:
        return True
    published = published_labels(len(semantic))
    return list(published.values()) == list(labels.values())
