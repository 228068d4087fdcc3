"""What a model takes of the machine's memory, in a process of its own."""

import multiprocessing
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from yolact_tf.benchmark.candidates import Candidate
from yolact_tf.benchmark.samples import Sample
from yolact_tf.cores import usable_cores


@dataclass(frozen=True)
class Memory:
    """Bytes of the machine's memory, resident at the peak of a process."""

    of_process: int  # that has opened the model and detected in an image
    before_model: int  # of that: Python and its libraries


def measure_memory(candidate: Candidate, sample: Sample) -> Memory | None:
    """The Memory of a new process that detects in one image; None where this system does not tell.

    MemoryError where that process is killed, as Linux does when memory ends.
    """
    # A copy of this process would begin with its memory.
    context = multiprocessing.get_context("spawn")
    # Ctrl-C goes to the whole group of processes; this one answers for both.
    pool = ProcessPoolExecutor(1, context, signal.signal, (signal.SIGINT, signal.SIG_IGN))
    accelerator = candidate.detector.engine.accelerator
    with pool:
        try:
            return pool.submit(
                detect_once, str(candidate.path), candidate.threads, accelerator, sample.encoded
            ).result()
        except BrokenProcessPool:
            raise MemoryError(
                f"{candidate.name}: the process that detects with it alone was killed"
            ) from None


def detect_once(path: str, threads: int | None, accelerator: str, encoded: bytes) -> Memory | None:
    """Opens a model, detects in one image and upsamples the masks. Returns the Memory of this process."""
    from yolact_tf.benchmark.candidates import limit_threads
    from yolact_tf.detect.opening import open_detector

    if threads not in (None, usable_cores()):
        limit_threads(threads)
    before = _peak()
    # Read for its effect: masks are upsampled when they are asked for.
    _ = open_detector(path, threads, accelerator)(encoded).windows
    after = _peak()
    return None if before is None or after is None else Memory(after, before)


def _peak():
    """Bytes; None where there is no /proc. `getrusage` counts what the parent had before this one began."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
    except FileNotFoundError:
        return None
    return int(fields["VmHWM"].split()[0]) * 1024
