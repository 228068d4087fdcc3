"""The Detector of a process that works on a job."""

import contextlib

from yolact_tf.batch import storage
from yolact_tf.detect.detector import Detector
from yolact_tf.detect.opening import open_detector


def open_for_job(model: str, threads: int | None) -> Detector:
    """A Detector on a model near by or far away, as `open_detector` has it.

    threads: of the CPU, for a process that has computed nothing yet; None for as many as there are.
    """
    if threads is not None:
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # too late once it computes
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
            for gpu in tf.config.list_physical_devices("GPU"):  # which the first process would have alone
                tf.config.experimental.set_memory_growth(gpu, True)
    with storage.near_by(model) as path:
        return open_detector(path, threads)
