"""What an evaluation found, as one page with its pictures beside it."""

from yolact_tf.evaluate.report.folder import require_report_folder, write_report

__all__ = ["require_report_folder", "write_report"]
