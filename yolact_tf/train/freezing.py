"""What does not learn: layers named by the recipe, and batch norm where batches are small."""

import difflib
from collections.abc import Iterable

import keras

from yolact_tf.model.places import BACKBONE, places

# Below it, batch statistics are too rough to normalise by (released code, YOLACT §5.8).
FEWEST_FOR_BATCH_NORM = 6  # images a replica


def batch_norm_freezing(setting: str, images_per_replica: int) -> str:
    """`train.freeze_batch_norm` without "auto": "always" below six images a replica, else "never"."""
    if setting != "auto":
        return setting
    return "always" if images_per_replica < FEWEST_FOR_BATCH_NORM else "never"


def freeze(model: keras.Model, layers: Iterable[str], batch_norm: str) -> list[str]:
    """Makes parts of `model` untrainable, before it is compiled; returns the names of what was frozen.

    layers: as `layers_named` takes them.  batch_norm: "always" or "never"; a frozen batch norm uses its
    running statistics and leaves scale and shift as they are.
    """
    frozen = list(layers)
    for layer in layers_named(model, frozen):
        layer.trainable = False
    if batch_norm == "always":
        norms = [layer for _, layer in places(model) if isinstance(layer, keras.layers.BatchNormalization)]
        for layer in norms:
            layer.trainable = False
        frozen += ["batch norm"] if norms else []
    return frozen


def layers_named(model: keras.Model, names: Iterable[str]) -> list[keras.Layer]:
    """The layers that `names` mean, with all that is within them.

    names: of layers, such as "backbone", of layers within one, such as "backbone/stem_conv", or
    "backbone:N", the stages of the backbone up to a stride of 2 to the power of N. ValueError for one that
    means no layer.
    """
    known = list(places(model))
    found = []
    for name in names:
        named = [layer for place, layer in known if place.is_in(name)]
        if not named:
            raise ValueError(
                f"`train.freeze` must name layers of the model. Received: {name!r}. "
                f"Nearest: {', '.join(_nearest(name, [place for place, _ in known]))}"
            )
        found += named
    return found


def _nearest(name, known):
    stages = [f"{BACKBONE}:{stage}" for stage in sorted({place.stage for place in known if place.stage})]
    if ":" in name:
        return stages
    paths = [place.path for place in known]
    near = difflib.get_close_matches(name, [*paths, *stages], n=3, cutoff=0.4)
    return near or [path for path in paths if "/" not in path]
