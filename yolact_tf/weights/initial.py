"""Where a training starts from: a run, a published file, or a backbone trained on ImageNet."""

from pathlib import Path

from yolact_tf.files import PathLike
from yolact_tf.model import Yolact
from yolact_tf.runs import is_run, load_run, load_weights
from yolact_tf.weights.labels import published_labels
from yolact_tf.weights.published import load_reference, read_reference
from yolact_tf.weights.transfer import Slot, Transfer, class_keys, named_variables, transfer


def load_start_weights(model: Yolact, path: PathLike, labels: dict[int, str]) -> Transfer:
    """Fills `model` from a run folder, its .weights.h5, or a file of the original; returns the Transfer.

    labels: category id -> name of the data to train on. Where the source knows other names, or another
    number of classes, layers that depend on the classes start afresh; whatever else does not fit is
    a ValueError and leaves the model as it was.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"--weights must be a run folder, a .weights.h5, .pth or .safetensors file. "
            f"Received: {str(path)!r}, which is not there"
        )
    if path.is_dir():
        return _load_from_run(model, load_run(path), path, labels)
    if path.name.endswith(".weights.h5"):
        return _load_from_keras(model, path, labels)
    tensors = read_reference(path)
    return load_reference(model, tensors, path, _same_classes(tensors, labels))


def _load_from_keras(model, path, labels):
    """From weights/NAME.weights.h5 of a run; a file elsewhere must fit whole: nothing tells its classes."""
    folder = path.parent.parent
    if not is_run(folder):
        load_weights(model, path)
        return Transfer(len(named_variables(model)), ())
    run = load_run(folder)
    load_weights(run.model, path)
    return _load_from_run(model, run, path, labels)


def _load_from_run(model, run, origin, labels):
    tensors = {"/".join(name): variable for name, variable in named_variables(run.model).items()}
    slots = {
        f"{part}/{path}": Slot(part, path, variable, tuple(variable.shape))
        for (part, path), variable in named_variables(model).items()
    }
    same_classes = list(run.labels.values()) == list(labels.values())
    return transfer(tensors, slots, origin, fresh=class_keys(slots, tensors, same_classes))


def _same_classes(tensors, labels):
    """Whether the original's `tensors` were trained on classes of these names, as far as can be told."""
    semantic = tensors.get("semantic_seg_conv.weight")
    if semantic is None:
        return True
    published = published_labels(len(semantic))
    return list(published.values()) == list(labels.values())
