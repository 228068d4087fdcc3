"""A job on this machine: a process that runs the pipeline, and others that work for it.

Beam's local runner waits for ever for a process that was killed, and where it is told to end itself, until
what its processes are at is done. So it has a process of its own, whose end, or whose group's, is the job's.
"""

import builtins
import contextlib
import logging
import multiprocessing
import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from yolact_tf.batch import storage
from yolact_tf.batch.images import Look
from yolact_tf.batch.outputs import Outputs
from yolact_tf.cores import usable_cores
from yolact_tf.memory import free_memory

LOG = "log"  # of the processes, in the temporary folder
_MEMORY = 2_000_000_000  # bytes that a process may take: TensorFlow alone has half a gigabyte
_GLANCE = 0.5  # seconds between looks at how far they are
_GOODBYE = 30  # seconds for Beam to end when one of its processes did
_RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"  # the default one downloads a program
_KILLED = (
    "a process of the job was killed, as systems do that run out of memory; with fewer --processes, or a "
    "smaller --batch, it takes less"
)


class Task(NamedTuple):
    """What is run."""

    outputs: Outputs
    num_groups: int
    model: str
    look: Look
    processes: int
    options: tuple[str, ...]  # Beam's own


def usable_processes() -> int:
    """How many processes can work here at once: one a core, as far as the memory reaches."""
    return max(1, min(usable_cores(), free_memory() // _MEMORY))


def run_here(task: Task, glance: Callable[[], None]) -> Counter[str]:
    """Runs a job on this machine; what it counted. `glance` is called every now and then.

    RuntimeError or the ValueError, OSError or ImportError of a process, in one line, where one of them fails.
    Any error of ours, such as KeyboardInterrupt, ends them all at once.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_coordinate, args=(theirs, task), name="batch")
    process.start()
    theirs.close()
    try:
        while not ours.poll(_GLANCE):
            glance()
        counts, error = ours.recv()
        glance()
    except EOFError:
        counts, error = Counter(), _KILLED
    finally:
        _kill_group(process)
        ours.close()
    if error:
        raise _as_error(error)
    return counts


def _kill_group(process):
    """Ends a process and those that it started, which write nothing that anyone still needs."""
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):  # Windows has no groups
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join()


def _as_error(line):
    """The error that the last line of a traceback tells of."""
    name, _, reason = line.partition(": ")
    kind = getattr(builtins, name, None)
    for foreseen in (ValueError, OSError, ImportError):
        if isinstance(kind, type) and issubclass(kind, foreseen):
            return foreseen(reason)
    return RuntimeError(line)


def _coordinate(connection: Connection, task: Task) -> None:
    """The process that runs the pipeline: sends `connection` (counts, "") or (nothing, an error)."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C is for who waits, and then ends all
    threading.excepthook = lambda lost: _end_without(lost.exc_value, connection)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _print_to_log(task.outputs)
        connection.send((_run(task), ""))
    except Exception as error:
        connection.send((Counter(), _last_line(error)))


def _print_to_log(outputs):
    """All that this process, and those that it starts, print goes to a file."""
    log = os.devnull if storage.is_remote(outputs.temporary) else storage.join(outputs.temporary, LOG)
    with open(log, "a", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    logging.basicConfig(level=logging.WARNING)


def _end_without(error: BaseException | None, connection: Connection) -> None:
    """Ends this process where the thread that waits for another says that it ended: Beam waits for ever."""
    ended = re.search(r"Worker subprocess exited with return code (-?\d+)", str(error))
    if ended is None:
        return
    is_killed = not 0 <= int(ended[1]) <= 128  # as shells count
    if not is_killed:
        time.sleep(_GOODBYE)  # of one that fails Beam hears, and says why
    connection.send((Counter(), _KILLED if is_killed else f"RuntimeError: {ended[0]}"))
    os._exit(1)


def _end_with_parent():
    """Ends this process and those that it started when the one that waits for it was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL) if hasattr(os, "killpg") else os._exit(1)


def _run(task: Task) -> Counter[str]:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from yolact_tf.batch.pipeline import DetectorHandler, add_steps, counted

    mode = "multi_processing" if task.processes > 1 else "in_memory"
    own = [f"--direct_num_workers={task.processes}", f"--direct_running_mode={mode}"]
    options = PipelineOptions([*task.options, *own])
    threads = max(1, usable_cores() // task.processes)
    handler = DetectorHandler(task.model, task.look, threads)
    pipeline = beam.Pipeline(runner=_RUNNER, options=options)
    add_steps(pipeline, task.outputs, task.num_groups, handler)
    result = pipeline.run()
    result.wait_until_finish()
    return counted(result)


def _last_line(error):
    """What an error says, without the traceback of another process and the step that it happened in."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[-1].partition(" [while running")[0] if lines else ""
    return line if len(lines) > 1 else f"{type(error).__name__}: {line}"
