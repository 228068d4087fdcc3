"""LiteRT (TFLite), weights in float16: half the size, float32's answers but for rounding, for GPUs too."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="float16")
