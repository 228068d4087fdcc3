"""LiteRT (TFLite), weights in float16: half the size, the answers of float32 but for rounding, for GPUs too."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="float16")
