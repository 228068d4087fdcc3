"""The full state of a run, saved whole or not at all, from which training goes on as if never stopped.

RUN/state.safetensors holds every variable (weights, optimiser, averages, running means of the epoch, random
state) and, as its metadata, where the run is. What batches come next follows from the position alone.
"""

import contextlib
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from yolact_tf.data.split import Split
from yolact_tf.files import PathLike, atomic_path

FILE = "state.safetensors"


@dataclass(frozen=True)
class Position:
    """Where a run is."""

    epoch: int = 0  # that is going on, or comes next
    batch: int = 0  # batches of it that are done; all of them where only validation and the like are left
    seconds: float = 0.0  # of training so far
    best: float = -1.0  # mask AP
    waited: int = 0  # validations since the best
    first_unmixed: int | None = None  # batch, where a clock has told when mosaic and copy-paste end


def digest_of(train: Split, val: Split) -> str:
    """A text that tells the data of a run from other data: its annotations; and which images can be used.

    The order of an epoch and its length depend on the images that are there, which no annotation tells.
    """
    ids = [list(split.image_ids) for split in (train, val)]
    images = hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:8]
    counts = f"{train.num_images} training and {val.num_images} validation images"
    return f"{train.digest} {val.digest}; {counts} ({images})"


def save_state(run_path: PathLike, model: keras.Model, position: Position, data_digest: str) -> None:
    """Writes state.safetensors of a run."""
    if hasattr(model, "jax_state_sync"):
        model.jax_state_sync()
    tensors = {name: np.array(ops.convert_to_numpy(v), order="C") for name, v in _variables(model)}
    metadata = {"position": json.dumps(dataclasses.asdict(position)), "data": data_digest}
    with atomic_path(Path(run_path) / FILE, suffix=".safetensors") as temporary:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as error:  # such as a full disk
            raise OSError(f"{run_path}: cannot save the state. Received: {error}") from None


def read_position(run_path: PathLike) -> Position:
    """The Position of the state that was saved last. FileNotFoundError where there is none."""
    with _opened(run_path) as file:
        return _position(file)


def load_state(run_path: PathLike, model: keras.Model, data_digest: str) -> Position:
    """Puts the saved values into the variables of `model`, compiled and built; returns the Position.

    ValueError where the file is not of this model, or the data are not those it was trained on;
    FileNotFoundError where there is none.
    """
    with _opened(run_path) as file:
        _require_same_data(run_path, file.metadata()["data"], data_digest)
        variables = dict(_variables(model))
        saved = {name: tuple(file.get_slice(name).get_shape()) for name in list(file.keys())}
        if saved != {name: tuple(variable.shape) for name, variable in variables.items()}:
            raise ValueError(
                f"{run_path}: expected {len(variables)} variables of this model in {FILE}. "
                f"Received: {len(saved)}, not all of the same shape"
            )
        for name, variable in variables.items():
            variable.assign(file.get_tensor(name))
        return _position(file)


def _require_same_data(run_path, known, ours):
    """ValueError where two texts of `digest_of` differ; older states know of no images."""
    known_annotations, _, known_images = known.partition("; ")
    annotations, _, images = ours.partition("; ")
    if known_annotations != annotations:
        raise ValueError(
            f"{run_path}: expected the data that the run was trained on. Received other annotations"
        )
    if known_images and known_images != images:
        raise ValueError(
            f"{run_path}: expected the image files that the run was trained on, {known_images}, "
            f"since others make other batches. Received {images} that can be used"
        )


@contextlib.contextmanager
def _opened(run_path: PathLike) -> Iterator[Any]:
    """The state of a run with its metadata, for reading. ValueError where it is damaged."""
    path = Path(run_path) / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{run_path}: expected {FILE} to resume from. Received none")
    try:
        with safe_open(path, "numpy") as file:
            missing = {"position", "data"} - set(file.metadata() or {})
            if missing:
                raise SafetensorError(f"one without {', '.join(sorted(missing))}")
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path}: expected the whole state of a run. Received: {error}") from None


def _position(file):
    try:
        return Position(**json.loads(file.metadata()["position"]))
    except (TypeError, ValueError):
        raise SafetensorError(f"the position {file.metadata()['position']!r}") from None


def _variables(model):
    """(name, variable) of all that a step may change, by number: names differ between processes."""
    groups = {
        "model": model.variables,
        "optimizer": model.optimizer.variables,
        "metrics": model.metrics_variables,
    }
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            yield f"{group}/{number:04d}", variable


class KeepState(keras.callbacks.Callback):
    """Saves the state every `minutes`, after the last batch of an epoch, and again when all is done that
    follows it. It comes after all that write files.

    Whatever fails between the two costs no step: the first says that the epoch's batches are done.

    start: the Position that training starts from.  reason_to_stop: called without arguments after each
    batch; where it returns an error, the state is saved and the error raised.  `validation` is the
    ValidateAP that knows the best, `mixing_end` a MixingEnd that a clock tells, if any.
    """

    validation = None
    mixing_end = None

    def __init__(
        self,
        run_path: PathLike,
        data_digest: str,
        start: Position,
        minutes: float,
        reason_to_stop: Callable[[], BaseException | None],
    ):
        super().__init__()
        self.run_path, self.data_digest, self.minutes = run_path, data_digest, minutes
        self.start, self.reason_to_stop = start, reason_to_stop
        self._began = self._saved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds of training, with those before this process."""
        return self.start.seconds + time.monotonic() - self._began

    def on_train_begin(self, logs=None):
        self._began = self._saved = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        reason = self.reason_to_stop()
        is_last = batch + 1 == self.params["steps"] or self.model.stop_training
        if reason or is_last or time.monotonic() - self._saved > 60 * self.minutes:
            # Time may end an epoch before its last batch.
            self._save(self._epoch, self.params["steps"] if is_last else batch + 1)
        if reason:
            raise reason

    def on_epoch_end(self, epoch, logs=None):
        self._save(epoch + 1, 0)

    def _save(self, epoch, batch):
        best, waited = self.validation.best, self.validation.waited
        first_unmixed = self.mixing_end.first_batch if self.mixing_end else None
        position = Position(epoch, batch, self.seconds, best, waited, first_unmixed)
        save_state(self.run_path, self.model, position, self.data_digest)
        self._saved = time.monotonic()
