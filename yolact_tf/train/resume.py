"""Going on with a run that was interrupted: what may have changed since, and the rest of its epoch."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import ops

from yolact_tf.config import Config
from yolact_tf.data.mixing_end import first_unmixed_batch
from yolact_tf.fields import differences
from yolact_tf.files import PathLike
from yolact_tf.train.optimizer import planned_rate
from yolact_tf.train.state import Position, read_position

if TYPE_CHECKING:
    import tensorflow as tf

logger = logging.getLogger(__name__)


def recipe_of(run_path: PathLike) -> Config:
    """The Config of the run to go on with. FileNotFoundError where there is none."""
    file = Path(run_path) / "config.json"
    if not file.is_file():
        raise FileNotFoundError(f"--resume expects a run folder with config.json. Received: {run_path}")
    return Config.from_json(file.read_text(encoding="utf-8"))


def accept_changes(config: Config, known: Config, run_path: PathLike, steps_per_epoch: int) -> None:
    """Names in a line of the log what `config` changes of the recipe `known` of the run at `run_path`.

    ValueError where a number that was computed would have been another. `running` fields may change, and
    `train.epochs` as long as each step that is done had the learning rate and the kind of views that it would
    have had.
    """
    changes = differences(config, known)
    refused = [str(change) for change in changes if change.is_computed and change.path != "train.epochs"]
    if config.train.epochs != known.train.epochs and not config.train.minutes:
        position = read_position(run_path)
        num_done = position.epoch * steps_per_epoch + position.batch
        harm = _harm_of_epochs(config, known, steps_per_epoch, num_done)
        if harm:
            refused.append(
                f"train.epochs {config.train.epochs}, not {known.train.epochs}, which {harm} the {num_done} "
                "steps that are done"
            )
    if refused:
        raise ValueError(
            f"--resume expects the recipe of the run {run_path}. Received other values: {'; '.join(refused)}"
        )
    if changes:
        logger.warning("%s goes on with %s", run_path, "; ".join(map(str, changes)))


def fit_from(
    start: Position,
    model: keras.Model,
    build_dataset: Callable[..., "tf.data.Dataset"],
    callbacks: Sequence[keras.callbacks.Callback],
    epochs: int,
    steps: int,
) -> None:
    """Has `fit` do what is left of the epoch of `start`, a Position, and all epochs that follow.

    model: has the state of `start`.  build_dataset: called as build_dataset(first_epoch=…, first_batch=…) it
    gives a dataset as `data.pipeline.build_dataset` does, from which all epochs are read.  epochs, steps: of
    the training, and of an epoch.
    """
    callbacks = _Callbacks(callbacks, start, model, epochs, steps)
    epoch, batch = start.epoch, start.batch
    if batch == steps:
        callbacks.end_epoch()
        epoch, batch = epoch + 1, 0
        if model.stop_training or epoch >= epochs:
            callbacks.on_train_end()
            return
    dataset = build_dataset(first_epoch=epoch, first_batch=batch)
    model.fit(
        dataset.take(steps - batch).concatenate(dataset.repeat()),
        steps_per_epoch=steps,
        epochs=epochs,
        initial_epoch=epoch,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,  # the dataset shuffles itself
    )


class _Callbacks(keras.callbacks.CallbackList):
    """Callbacks of a `fit` that begins within an epoch: they see all of it, as if nothing had stopped it.

    `fit` counts the batches of its first epoch from 0 to `steps` and resets the running means; here they
    go on from `start.batch`, and the means from those that `model` has when this is made.
    """

    def __init__(self, callbacks, start, model, epochs, steps):
        super().__init__(callbacks, add_history=True, model=model, epochs=epochs, steps=steps)
        self.start = start
        self._means = [ops.convert_to_numpy(variable) for variable in model.metrics_variables]
        self._has_begun = False  # this training
        self._offset = 0  # batches of this epoch that were done before
        self._ends_batches = False  # of this epoch, by `stop_training`

    def end_epoch(self):
        """Does what comes after the batches of the first epoch, where these are done; `fit` may follow."""
        self.model.stop_training = False
        self.on_train_begin()
        self.on_epoch_begin(self.start.epoch)
        self.on_epoch_end(self.start.epoch, self.model.get_metrics_result())

    def on_train_begin(self, logs=None):
        if not self._has_begun:
            self._has_begun = True
            super().on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._offset = self.start.batch if epoch == self.start.epoch else 0
        if self._offset:
            for variable, value in zip(self.model.metrics_variables, self._means, strict=True):
                variable.assign(value)
        super().on_epoch_begin(epoch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        super().on_train_batch_begin(self._offset + batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(self._offset + batch, logs)
        is_last = self._offset + batch + 1 == self.params["steps"]
        if self._offset and is_last and not self.model.stop_training:
            self.model.stop_training = self._ends_batches = True

    def on_epoch_end(self, epoch, logs=None):
        if self._ends_batches:
            self.model.stop_training = self._ends_batches = False
        super().on_epoch_end(epoch, logs)


def _harm_of_epochs(config, known, steps_per_epoch, num_done):
    """What other epochs would change of the first steps; None where nothing."""
    if not _has_same_rates(config.train, known.train, steps_per_epoch, num_done):
        return "changes the learning rates of"
    if not _has_same_mixing(config, known, steps_per_epoch, num_done):
        return "moves the end of mosaic and copy-paste (`data.unmixed_end`) within"
    return None


def _has_same_rates(train, known, steps_per_epoch, num_done):
    """Whether the first steps have one learning rate under both settings, and the run is no shorter."""
    if train.epochs * steps_per_epoch < num_done:
        return False
    steps = np.arange(num_done)
    ours, theirs = (np.asarray(planned_rate(t, steps_per_epoch)(steps)) for t in (train, known))
    has_thawed = [steps >= t.thaw_at * t.epochs * steps_per_epoch for t in (train, known)]
    return np.array_equal(ours, theirs) and np.array_equal(*has_thawed)


def _has_same_mixing(config, known, steps_per_epoch, num_done):
    """Whether the first steps learn from joined images under both settings, or not."""
    ends = [first_unmixed_batch(c, steps_per_epoch) or 0 for c in (config, known)]
    return len({min(num_done, end) for end in ends}) == 1
