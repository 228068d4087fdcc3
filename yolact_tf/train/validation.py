"""What happens between the epochs of `fit`: AP on the validation set, the weights that are kept, averages."""

import contextlib
import json
import logging
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from keras import ops

from yolact_tf.config import Config
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate import evaluate
from yolact_tf.files import write_text
from yolact_tf.runs import Run, save_weights
from yolact_tf.structures import Progress
from yolact_tf.train.optimizer import unwrapped

logger = logging.getLogger(__name__)

_FOUND = 0.02  # box AP of a network that has begun to find objects


class ValidateAP(keras.callbacks.Callback):
    """Adds `val_box_AP` and `val_mask_AP` to the logs of every `every`-th epoch and of the last.

    Epochs without validation log NaN, so that each row of log.csv has the same columns. The best
    mask AP is kept as weights/best.weights.h5, every epoch as weights/last.weights.h5; both are the
    averaged weights where there are any. metrics.json is of the last validation. `best` is the best mask
    AP, `waited` how many validations ago it was; at `patience`, unless that is 0, training ends. Where
    the validation set has no objects, so that AP is -1, the best weights are the last. Where boxes come out
    and no mask does, a line of the log says so, once.
    observe, progress: as `evaluate` has them.  run_path: None writes nothing, for all workers but the first.
    """

    def __init__(
        self,
        run_path: Path | None,
        config: Config,
        data: Split,
        every: int,
        patience: int = 0,
        observe: Callable[[Record, np.ndarray, Detections], None] | None = None,
        progress: Progress | None = None,
    ):
        super().__init__()
        self.run_path, self.config, self.data = run_path, config, data
        self.every, self.patience, self.observe = every, patience, observe
        self.progress = progress
        self.best, self.waited = -1.0, 0
        self.has_told = False  # of masks that stay empty

    def on_train_begin(self, logs=None):
        self.detector = Detector(Run(self.model, self.config, self.data.labels), live=True)

    def on_epoch_end(self, epoch, logs=None):
        logs["val_box_AP"] = logs["val_mask_AP"] = math.nan
        is_last = epoch + 1 == self.params["epochs"] or self.model.stop_training
        with averaged_weights(self.model.optimizer):
            if self.run_path:
                save_weights(self.model, self.run_path, "last")
            if is_last or (epoch + 1) % self.every == 0:
                self._validate(logs)
        if self.patience and self.waited >= self.patience:
            self.model.stop_training = True

    def _validate(self, logs):
        metrics, _ = evaluate(
            self.detector,
            self.data,
            progress=self.progress,
            observe=self.observe,
            settings=self.config.data,
        )
        logs["val_box_AP"] = metrics["bbox"]["AP"]
        logs["val_mask_AP"] = mask_ap = metrics["segm"]["AP"]
        if mask_ap == 0 and metrics["bbox"]["AP"] > _FOUND:
            self._tell_of_empty_masks(metrics["bbox"]["AP"])
        self.waited += 1
        is_best = mask_ap > self.best or mask_ap == -1
        if is_best:
            self.best, self.waited = mask_ap, 0
        if self.run_path:
            if is_best:
                save_weights(self.model, self.run_path, "best")
            write_text(self.run_path / "metrics.json", json.dumps(metrics, indent=2) + "\n")

    def _tell_of_empty_masks(self, box_ap):
        if self.run_path is None or self.has_told:
            return
        self.has_told = True
        # Prototypes that are zero everywhere have no gradient any more.
        logger.warning(
            "no mask fits any object though boxes do (box AP %.3f, mask AP 0): prototypes may have died in "
            "the first steps, which model.zero_coefficients=true, or else a lower train.learning_rate, may "
            "prevent in a new run",
            box_ap,
        )


@contextlib.contextmanager
def averaged_weights(optimizer: keras.optimizers.Optimizer) -> Iterator[None]:
    """Within the block a model has the averages of its weights (EMA), where its optimiser keeps any.

    Afterwards it has the same bits as before; Keras' own `SwapEMAWeights` swaps by adding and subtracting.
    """
    optimizer = unwrapped(optimizer)
    if not optimizer.use_ema:
        yield
        return
    variables = optimizer._trainable_variables
    averages = optimizer._model_variables_moving_average
    raw = [ops.convert_to_numpy(variable) for variable in variables]
    for variable, average in zip(variables, averages, strict=True):
        variable.assign(average)
    try:
        yield
    finally:
        for variable, value in zip(variables, raw, strict=True):
            variable.assign(value)
