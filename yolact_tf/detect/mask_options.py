"""How a model's masks come to the size of their image: the part of `detect.*` that no graph knows."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from yolact_tf.config import DetectConfig


class MaskOptions(NamedTuple):
    """Fields of DetectConfig by their names there."""

    mask_upsampling: str = DetectConfig.mask_upsampling
    disjoint: bool = DetectConfig.disjoint

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Those of a model's DetectConfig as a mapping, which of older artefacts lacks them."""
        return cls(**{name: settings[name] for name in cls._fields if name in settings})
