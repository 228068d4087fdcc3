"""The last layer before each of the Predictions."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="yolact_tf")
class Output(layers.Layer):
    """Names an output and brings it back to float32 under mixed precision.

    facts: what else is known of it, values of JSON. Saved models and clones keep them, for Keras copies
    layers and leaves behind whatever else a functional model was given.
    """

    def __init__(
        self,
        facts: Mapping[str, Any] | None = None,
        dtype: str | keras.DTypePolicy = "float32",
        **options: Any,
    ):
        super().__init__(dtype=dtype, **options)
        self.facts = facts or {}

    def call(self, values):
        return values

    def get_config(self):
        return {**super().get_config(), "facts": dict(self.facts)}
