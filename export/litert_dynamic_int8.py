"""LiteRT (TFLite), weights in int8: a quarter of the size, no calibration, for CPUs and GPUs."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="dynamic_int8")
