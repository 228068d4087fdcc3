"""ONNX, float32, for onnxruntime: image in, boxes, classes, scores and masks out, in one file."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="onnx")
