"""Tensors of a file into the variables of a model: all of them, or all but those that start afresh."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yolact_tf.files import PathLike
from yolact_tf.structures import Tensor

if TYPE_CHECKING:
    import keras

    from yolact_tf.model import Yolact

# Layers with an output for each class, by sub-model; all others are the same for any data set.
CLASS_LAYERS = (
    ("prediction_head", "class_logits_conv"),
    ("semantic_head", "semantic_logits"),
    ("mask_rescorer", "conv5"),
)
# Layers that add nothing as long as they are fresh: weights of a network without them mean the same.
SILENT_LAYERS = (("protonet", "from_p4"), ("protonet", "from_p5"))
SHOWN = 5  # mismatches that an error lists


@dataclass(frozen=True)
class Slot:
    """A variable of ours as a file shapes it."""

    part: str  # sub-model
    path: str  # of the variable inside it, "lateral_p5/kernel"
    variable: Any
    shape: tuple[int, ...]  # in the file's layout

    @property
    def layer(self) -> tuple[str, str]:
        """(sub-model, layer) of the variable."""
        return self.part, self.path.rpartition("/")[0]


@dataclass(frozen=True)
class Transfer:
    """What became of a model's variables."""

    loaded: int  # tensors
    fresh: tuple[str, ...]  # layers that keep their initial values, "sub-model/layer"


def named_variables(model: "Yolact") -> dict[tuple[str, str], "keras.Variable"]:
    """{(sub-model, path): variable} of a Yolact, its mask rescorer included."""
    parts = [*model.layers, *([model.mask_rescorer] if model.mask_rescorer else [])]
    return {(part.name, variable.path): variable for part in parts for variable in part.weights}


def transfer(
    tensors: Mapping[str, Tensor],
    slots: Mapping[str, Slot],
    origin: PathLike,
    *,
    fresh: Collection[str] = (),
    to_layout: Callable[[Tensor], Tensor] = lambda tensor: tensor,
) -> Transfer:
    """Assigns `tensors` {key: array} to `slots` {key: Slot} and returns the Transfer.

    fresh: keys that keep their initial values, whether the file has them or not; `SILENT_LAYERS` keep theirs
    where it lacks them.  to_layout: from the file's layout to Keras'. ValueError, and nothing assigned,
    unless keys and shapes agree; it names `origin` and the first keys that do not.
    """
    silent = {key for key, slot in slots.items() if slot.layer in SILENT_LAYERS and key not in tensors}
    fresh = {*fresh, *silent}
    expected = {key: slot.shape for key, slot in slots.items() if key not in fresh}
    received = {key: tuple(tensor.shape) for key, tensor in tensors.items() if key not in fresh}
    problems = [key for key in expected | received if expected.get(key) != received.get(key)]
    if problems:
        listed = [
            f"{key}: expected {expected.get(key, 'no such key')}, received {received.get(key, 'none')}"
            for key in problems[:SHOWN]
        ]
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise ValueError(
            f"{origin}: {len(problems)} tensors do not fit the recipe: {'; '.join(listed)}{more}"
        )
    for key in expected:
        slots[key].variable.assign(to_layout(tensors[key]))
    kept_layers = dict.fromkeys("/".join(slots[key].layer) for key in slots if key in fresh)
    return Transfer(len(expected), tuple(kept_layers))


def class_keys(slots: Mapping[str, Slot], tensors: Mapping[str, Tensor], same_classes: bool) -> set[str]:
    """Keys of layers that depend on the classes and must start afresh.

    With `same_classes` only those whose shapes differ, which no two equal class lists cause; else all.
    """
    return {
        key
        for key, slot in slots.items()
        if slot.layer in CLASS_LAYERS
        and not (same_classes and key in tensors and tuple(tensors[key].shape) == slot.shape)
    }
