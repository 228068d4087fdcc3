"""Models and images in, the time of every stage and the memory of each out."""

from yolact_tf.benchmark.candidates import Candidate, limit_threads, open_candidates
from yolact_tf.benchmark.comparison import SWEEPS, compare
from yolact_tf.benchmark.report import Report
from yolact_tf.benchmark.samples import Sample, read_samples

__all__ = [
    "SWEEPS",
    "Candidate",
    "Report",
    "Sample",
    "compare",
    "limit_threads",
    "open_candidates",
    "read_samples",
]
