"""A batch job with one process and with two, each with a core of its own: images a second.

    python benchmarks/batch_jobs.py MODEL IMAGES [--images 2000] [--processes 1,2] [--rounds 3]

Needs the extra beam, and Linux. The files of the folder IMAGES are linked under other names until they are
enough. The rate is that from the first image to the last: images by the CPU seconds of the process that took
most of them, which is the time on idle cores, one a process, whatever else the machine does. Starting and
ending come on top once; beside the rate stands the time that the clock showed for all.
"""

import argparse
import itertools
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from yolact_tf.batch import Job, run_batch

TICKS = os.sysconf("SC_CLK_TCK")


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("model", type=Path)
    arguments.add_argument("images_folder", metavar="images", type=Path)
    arguments.add_argument("--images", type=int, default=2000)
    arguments.add_argument("--processes", default="1,2")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    counts = [int(count) for count in options.processes.split(",")]
    rates = {count: [] for count in counts}
    with tempfile.TemporaryDirectory() as folder:
        images = linked(options.images_folder, Path(folder) / "images", options.images)
        for number, count in itertools.product(range(options.rounds), counts):
            results = Path(folder) / f"{number}-{count}.json"
            job = Job(options.model, images, results, processes=count)
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, cores[:count])
            clock, watch = time.perf_counter(), Watch()
            run_batch(job, watch)
            os.sched_setaffinity(0, cores)
            rates[count].append(watch.rate())
            print(
                f"{count} processes: {watch.rate():.2f} images/s, {time.perf_counter() - clock:.0f} s in all"
            )
    first = statistics.median(rates[counts[0]])
    for count, all_rates in rates.items():
        rate = statistics.median(all_rates)
        print(f"{count} processes: {rate:.2f} images/s, {rate / first:.2f} times those of {counts[0]}")


def linked(source, folder, count):
    folder.mkdir()
    files = sorted(path for path in source.iterdir() if path.suffix == ".jpg")
    for number, file in zip(range(count), itertools.cycle(files)):
        (folder / f"{number:06}.jpg").symlink_to(file.resolve())
    return folder


class Watch:
    """Notes the CPU seconds of all that works on a job, at its first image that is done and at its last."""

    def __init__(self):
        self.first = self.last = None

    def __call__(self, done, total):
        if done and (self.last is None or self.last[0] < done):
            self.last = done, cpu_seconds()
            self.first = self.first or self.last

    def rate(self):
        (done, before), (total, after) = self.first, self.last
        return (total - done) / max(after[pid] - before.get(pid, 0) for pid in after)


def cpu_seconds():
    """Of each process below this one, by its id."""
    found, queue = {}, [process.pid for process in multiprocessing.active_children()]
    while queue:
        pid = queue.pop()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            queue += map(int, children.read_text().split())
    return found


if __name__ == "__main__":
    main()
