"""Many images in, files of what is found in them out: one job for Apache Beam, here or on a cluster.

The images are divided into groups of neighbours. Whoever works on a group writes what it found to small files
in a temporary folder; in the end those of neighbours are put together. So results are the same bytes, in the
order of the images, however many processes work, nothing large passes between them, and a group that is done
twice, as clusters do that lose a machine, does no harm.
"""

from yolact_tf.batch.job import Job, Report, run_batch

__all__ = ["Job", "Report", "run_batch"]
