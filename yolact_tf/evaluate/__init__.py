"""A Detector and a data split in, average precision out."""

from yolact_tf.evaluate.average_precision import coco_metrics, evaluate, results_as_annotated

__all__ = ["coco_metrics", "evaluate", "results_as_annotated"]
