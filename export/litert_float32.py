"""LiteRT (TFLite), float32: image in, boxes, classes, scores and masks out, in one file."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="float32")
