"""What does not learn: layers named by the recipe, and batch norm where batches are small."""

import difflib
from collections.abc import Iterable

import keras

# Below it, batch statistics are too rough to normalise by (released code, YOLACT §5.8).
FEWEST_FOR_BATCH_NORM = 6  # images a replica


def batch_norm_freezing(setting: str, images_per_replica: int) -> str:
    """`train.freeze_batch_norm` without "auto": "always" below six images a replica, else "never"."""
    if setting != "auto":
        return setting
    return "always" if images_per_replica < FEWEST_FOR_BATCH_NORM else "never"


def freeze(model: keras.Model, layers: Iterable[str], batch_norm: str) -> list[str]:
    """Makes parts of `model` untrainable, before it is compiled; returns the names of what was frozen.

    layers: names of layers, such as "backbone", or of layers within one, such as "backbone/stem_conv"; a name
    means all whose path begins with it.  batch_norm: "always" or "never"; a frozen batch norm uses its
    running statistics and leaves scale and shift as they are.
    ValueError for a name that no layer has.
    """
    paths = dict(_all_layers(model))
    frozen = []
    for name in layers:
        found = [layer for path, layer in paths.items() if path == name or path.startswith(f"{name}/")]
        if not found:
            tops = [path for path in paths if "/" not in path]
            near = difflib.get_close_matches(name, paths, n=3, cutoff=0.4) or tops
            raise ValueError(
                "`train.freeze` must name layers of the model. "
                f"Received: {name!r}. Nearest: {', '.join(near)}"
            )
        for layer in found:
            layer.trainable = False
        frozen.append(name)
    if batch_norm == "always":
        norms = [layer for layer in paths.values() if isinstance(layer, keras.layers.BatchNormalization)]
        for layer in norms:
            layer.trainable = False
        frozen += ["batch norm"] if norms else []
    return frozen


def _all_layers(model, prefix=""):
    """(path, layer) of the layers of a model and of the models within it."""
    for layer in model.layers:
        yield prefix + layer.name, layer
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer, f"{prefix}{layer.name}/")
