"""LiteRT (TFLite), float32, without detections: the raw Predictions, for GPU delegates without top-k."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", outputs="heads")
