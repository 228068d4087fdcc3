"""A Detector and a data split in; average precision, and a report of what is good and bad, out."""

from yolact_tf.evaluate.average_precision import coco_metrics, evaluate, results_as_annotated

__all__ = ["coco_metrics", "evaluate", "results_as_annotated"]
