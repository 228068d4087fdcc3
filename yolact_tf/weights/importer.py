"""`yolact import-weights`: a file of the original in, a run folder out."""

import json
from pathlib import Path

import keras

from yolact_tf.config import Config
from yolact_tf.files import PathLike
from yolact_tf.model import build_yolact
from yolact_tf.runs import require_new_run, save_run, untrained
from yolact_tf.weights.labels import published_labels
from yolact_tf.weights.published import load_reference, read_reference, warn_of_other_recipe
from yolact_tf.weights.transfer import Transfer


def import_weights(
    file: PathLike, config: Config, run_path: PathLike, labels: PathLike | None = None
) -> Transfer:
    """Fills the new folder `run_path` with a run of `config` that has the weights of `file`.

    file: a state dict of the original, or a backbone trained on ImageNet; then the rest of the network
    keeps its initial values.  labels: labels.json or COCO annotations; without it, 80 classes are
    COCO's and 20 Pascal's. Returns the Transfer. ValueError or FileNotFoundError, with no run written,
    for a file that is not such a one or does not fit.
    """
    require_new_run(run_path)
    warn_of_other_recipe(file, config.name)
    tensors = read_reference(file)
    names = _read_labels(labels, config.model.num_classes)
    keras.utils.set_random_seed(config.train.seed)
    model = build_yolact(untrained(config))
    transfer = load_reference(model, tensors, file)
    save_run(run_path, model, config, names)
    return transfer


def _read_labels(path, num_classes):
    """Category id -> name, ids in rising order."""
    if path is None:
        return published_labels(num_classes)
    content = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    if "categories" in content:
        content = {category["id"]: category["name"] for category in content["categories"]}
    labels = {int(key): str(content[key]) for key in sorted(content, key=int)}
    if len(labels) != num_classes:
        raise ValueError(f"{path}: expected {num_classes} classes as in the recipe. Received: {len(labels)}")
    return labels
