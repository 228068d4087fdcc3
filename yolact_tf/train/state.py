"""The full state of a run, saved whole or not at all, from which training goes on as if never stopped.

RUN/state.safetensors holds every variable (weights, optimiser, averages, running means of the epoch, random
state) and, as its metadata, where the run is. What batches come next follows from the position alone.
"""

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from yolact_tf.runs import atomic_path

FILE = "state.safetensors"


@dataclass(frozen=True)
class Position:
    """Where a run is."""

    epoch: int = 0  # that is going on, or comes next
    batch: int = 0  # batches of it that are done
    seconds: float = 0.0  # of training so far
    best: float = -1.0  # mask AP
    waited: int = 0  # validations since the best


def save_state(run_path, model, position, data_digest):
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


def load_state(run_path, model, data_digest):
    """Puts the saved values into the variables of `model`, compiled and built; returns the Position.

    ValueError where the file is not of this model, or the data are not those it was trained on;
    FileNotFoundError where there is none.
    """
    path = Path(run_path) / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{run_path}: expected {FILE} to resume from. Received none")
    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
        if metadata.get("data") != data_digest:
            raise ValueError(
                f"{run_path}: expected the data that the run was trained on. Received other annotations"
            )
        variables = dict(_variables(model))
        saved = {name: tuple(file.get_slice(name).get_shape()) for name in list(file.keys())}
        if saved != {name: tuple(variable.shape) for name, variable in variables.items()}:
            raise ValueError(
                f"{path}: expected {len(variables)} variables of this model. Received: {len(saved)}, not all "
                "of the same shape"
            )
        for name, variable in variables.items():
            variable.assign(file.get_tensor(name))
    return Position(**json.loads(metadata["position"]))


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
    """Saves the state every `minutes` and at the end of each epoch; comes after all that write files.

    start: the Position that training starts from.  interrupted: called without arguments after each batch;
    where it says so, the state is saved and KeyboardInterrupt raised.  `validation` is the ValidateAP that
    knows the best.
    """

    validation = None

    def __init__(self, run_path, data_digest, start, minutes, interrupted):
        super().__init__()
        self.run_path, self.data_digest, self.minutes = run_path, data_digest, minutes
        self.start, self.interrupted = start, interrupted
        self._began = self._saved = time.monotonic()

    @property
    def seconds(self):
        """Seconds of training, with those before this process."""
        return self.start.seconds + time.monotonic() - self._began

    def on_train_begin(self, logs=None):
        self._began = self._saved = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        self._offset = self.start.batch if epoch == self.start.epoch else 0

    def on_train_batch_end(self, batch, logs=None):
        is_interrupted = self.interrupted()
        if is_interrupted or time.monotonic() - self._saved > 60 * self.minutes:
            self._save(self._epoch, self._offset + batch + 1)
        if is_interrupted:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self._save(epoch + 1, 0)

    def _save(self, epoch, batch):
        best, waited = self.validation.best, self.validation.waited
        position = Position(epoch, batch, self.seconds, best, waited)
        save_state(self.run_path, self.model, position, self.data_digest)
        self._saved = time.monotonic()


class TakeUpEpoch(keras.callbacks.Callback):
    """Ends the first epoch, which was interrupted, after the batches that were left of it; comes before all
    others. Its running means go on from where they were, though `fit` resets them."""

    def __init__(self, batches_left):
        super().__init__()
        self.batches_left = batches_left
        self._is_first = True

    def on_train_begin(self, logs=None):
        self._means = [ops.convert_to_numpy(v) for v in self.model.metrics_variables]

    def on_epoch_begin(self, epoch, logs=None):
        if self._is_first:
            for variable, value in zip(self.model.metrics_variables, self._means, strict=True):
                variable.assign(value)

    def on_train_batch_end(self, batch, logs=None):
        if self._is_first and batch + 1 == self.batches_left:
            self.model.stop_training = True  # the epoch

    def on_epoch_end(self, epoch, logs=None):
        if self._is_first:
            self.model.stop_training = False  # but not training
        self._is_first = False
