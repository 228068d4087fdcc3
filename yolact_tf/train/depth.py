"""Learning rates by depth: the backbone's, those of its stages, and those of parts that learn later."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keras import ops

from yolact_tf.model.places import STAGES, Place, place_of
from yolact_tf.structures import Tensor


@dataclass(frozen=True)
class DepthRates:
    """Shares of the learning rate, by where a variable is."""

    backbone: float = 1.0  # of its last stage
    layer_decay: float = 1.0  # each stage before has this much of the share of the next
    frozen: Sequence[str] = ()  # as `Place.is_in` takes them
    thaw_at: float = 0.0  # share of the run, from which on `frozen` learns, too

    def share(self, place: Place) -> float:
        """That of a variable there, once it learns."""
        if place.stage is None:
            return 1.0
        return self.backbone * self.layer_decay ** (STAGES - place.stage)

    def is_frozen(self, place: Place) -> bool:
        """Whether a variable there learns later."""
        return any(place.is_in(name) for name in self.frozen)


class ByDepth:
    """Tells an optimiser, which must ask in its `update_step`, what learning rate each variable has.

    by_depth: the arguments of `DepthRates`; variables that are not of a Yolact have the whole rate. What is
    frozen has no gradient and a rate of 0 until it thaws, so that neither momentum nor decay moves it, nor
    does it count where gradients are clipped. It is computed all the same: that saves no time, but nothing
    has to be compiled anew. No optimiser variable tells of it, so that states are those of any other run.
    """

    _get_variable_index: Callable[[Any], int]  # Keras'

    def __init__(self, *arguments: Any, by_depth: Mapping[str, Any] | None = None, **options: Any):
        super().__init__(*arguments, **options)
        self.by_depth = DepthRates(**(by_depth or {}))

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        places = [place_of(variable) for variable in variables]
        self._shares = [self.by_depth.share(place) for place in places]
        self._are_frozen = [self.by_depth.is_frozen(place) for place in places]

    def own_rate(self, variable: Any, learning_rate: Tensor) -> Tensor:
        """That of a variable, of the `learning_rate` of this step."""
        index = self._get_variable_index(variable)
        if self._shares[index] != 1:
            learning_rate = learning_rate * self._shares[index]
        return learning_rate * self._thawed() if self._are_frozen[index] else learning_rate

    def _backend_apply_gradients(self, grads, trainable_variables):
        are_frozen = [self._are_frozen[self._get_variable_index(v)] for v in trainable_variables]
        if any(are_frozen):
            thawed = self._thawed()
            grads = [
                g * ops.cast(thawed, g.dtype) if f else g for g, f in zip(grads, are_frozen, strict=True)
            ]
        super()._backend_apply_gradients(grads, trainable_variables)

    def _thawed(self):
        """1 where the run is that far, else 0."""
        is_due = ops.cast(self._iterations, "float32") >= self.by_depth.thaw_at * self.total_steps
        return ops.cast(is_due, "float32")

    def get_config(self):
        return {**super().get_config(), "by_depth": asdict(self.by_depth)}
