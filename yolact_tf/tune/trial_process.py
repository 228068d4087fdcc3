"""One trial: a training in a process of its own.

A process, since TensorFlow gives no memory back, and since one that runs out of it, or is killed, must not
take the search with it. It costs the seconds that TensorFlow takes to start, of minutes of training.
"""

import contextlib
import logging
import math
import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from yolact_tf.config import Config

_PATIENCE = 60.0  # seconds that a training gets to save its state when it is told to end
# Whoever asks for the impossible should hear it at once, not after each trial.
_WRONG_REQUESTS = (ValueError, FileNotFoundError, ImportError)


class Task(NamedTuple):
    """What a trial trains."""

    config: str  # as JSON
    data: str
    run: Path
    resume: bool  # goes on with what is in `run`


class Outcome(NamedTuple):
    """How a trial ended."""

    mask_ap: float = math.nan  # the best of its validations; NaN where it did not end well
    is_pruned: bool = False
    error: str = ""
    is_wrong_request: bool = False  # the error comes of what was asked for


def train_apart(
    task: Task, log: Path, validated: Callable[[float, float], bool], at: Callable[[float], None]
) -> Outcome:
    """Trains, and returns the Outcome. Any error of ours, such as KeyboardInterrupt, ends the training with
    its state saved.

    log: file that gets what the process prints.  validated: called with the share of the time that is over
    and a mask AP; returns whether to go on.  at: called with the share every second or so.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_train, args=(theirs, task, log))
    process.start()
    theirs.close()
    try:
        outcome = _listen(ours, validated, at)
        process.join(_PATIENCE)
        return outcome
    except EOFError:
        process.join()
        return Outcome(error=_end_of(process.exitcode))
    finally:
        process.terminate()
        process.join(_PATIENCE)
        process.kill()
        process.join()


def _listen(connection, validated, at):
    while True:
        kind, *values = connection.recv()
        if kind == "ended":
            return Outcome(*values)
        if kind == "at":
            at(*values)
        else:
            connection.send(validated(*values))


def _end_of(code):
    if code == -9:
        return "its process was killed, as systems do that run out of memory"
    return f"its process ended with {code}"


class _Pruned(Exception):
    """The search has seen enough."""


def _train(connection: Connection, task: Task, log: Path) -> None:
    """The trial's process: tells `connection` how it goes."""
    os.setsid()  # Ctrl-C is for the search, which then ends this
    with open(log, "a", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        outcome = _outcome(connection, task)
    except (KeyboardInterrupt, SystemExit, BrokenPipeError, EOFError):  # nobody listens any more
        return
    with contextlib.suppress(BrokenPipeError):
        connection.send(("ended", *outcome))


def _outcome(connection, task):
    try:
        from yolact_tf.train.state import read_position
        from yolact_tf.train.trainer import train

        config = Config.from_json(task.config)
        before = read_position(task.run).seconds if task.resume else 0.0
        train(config, task.data, task.run, None, task.resume, _Told(connection, config, before))
        return Outcome(read_position(task.run).best)
    except _Pruned:
        return Outcome(is_pruned=True)
    except (BrokenPipeError, EOFError):
        raise
    except Exception as error:
        traceback.print_exc()
        line = " ".join(str(error).split())[:300] or type(error).__name__
        return Outcome(error=line, is_wrong_request=isinstance(error, _WRONG_REQUESTS))


class _Told:
    """A Report of a training that tells the search.

    before: seconds of training before this process.
    """

    interval = 1.0

    def __init__(self, connection, config, before):
        self.connection, self.limit = connection, 60 * config.train.minutes
        self.before, self._share = before, 0.0

    def status(self, status):
        self._share = 1 - min(status.seconds_left / self.limit, 1.0)
        self.connection.send(("at", self._share))

    def validating(self, done, total):
        self.connection.send(("at", self._share))

    def row(self, row):
        if math.isnan(row.mask_ap):
            return
        share = min((self.before + row.elapsed) / self.limit, 1.0)
        self.connection.send(("validated", share, row.mask_ap))
        if not self.connection.recv():
            raise _Pruned
