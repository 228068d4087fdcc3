"""LiteRT (TFLite), float32, detections with their prototypes and coefficients, for the page's explorer."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", outputs="explore")
