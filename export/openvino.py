"""OpenVINO, float32, for Intel CPUs: image in, boxes, classes, scores and masks out, in one folder."""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="openvino")
