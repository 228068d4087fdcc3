"""What happens between the steps of `fit`: AP on the validation set, checkpoints, the finite guard."""

import math

import keras

from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate import evaluate
from yolact_tf.runs import Run, save_weights, write_text


class NonFiniteLoss(ArithmeticError):
    """A loss became infinite or NaN."""


class StopOnNonFinite(keras.callbacks.Callback):
    """Stops training with the name of the loss and the step where one stops being finite."""

    def on_train_batch_end(self, batch, logs=None):
        # Parts come before their sum, so that the culprit is named.
        for name in sorted(logs or {}, key=lambda name: name == "loss"):
            if not math.isfinite(float(logs[name])):
                step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
                raise NonFiniteLoss(
                    f"`{name}` must stay finite. Received: {float(logs[name])} at step {step}; "
                    "a lower train.learning_rate or a longer train.warmup_steps may help"
                )


class ValidateAP(keras.callbacks.Callback):
    """Adds `val_box_AP` and `val_mask_AP` to the logs of every `every`-th epoch and of the last.

    Epochs without validation log NaN, so that each row of log.csv has the same columns. The best
    mask AP is kept as weights/best.weights.h5, every epoch as weights/last.weights.h5. run_path: None
    writes nothing.
    """

    def __init__(self, run_path, config, labels, data, every):
        super().__init__()
        self.run_path, self.config, self.labels, self.data = run_path, config, labels, data
        self.every = every
        self.best = -1.0

    def on_train_begin(self, logs=None):
        self.detector = Detector(Run(self.model, self.config, self.labels))

    def on_epoch_end(self, epoch, logs=None):
        if self.run_path:
            save_weights(self.model, self.run_path, "last")
        logs["val_box_AP"] = logs["val_mask_AP"] = math.nan
        is_last = epoch + 1 == self.params["epochs"]
        if (epoch + 1) % self.every and not is_last:
            return
        metrics, _ = evaluate(self.detector, self.data)
        logs["val_box_AP"] = metrics["bbox"]["AP"]
        logs["val_mask_AP"] = metrics["segm"]["AP"]
        if metrics["segm"]["AP"] > self.best:
            self.best = metrics["segm"]["AP"]
            if self.run_path:
                save_weights(self.model, self.run_path, "best")
                write_metrics(self.run_path, metrics)


class LogLearningRate(keras.callbacks.Callback):
    """Adds `learning_rate` to the logs of each epoch."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def write_metrics(path, metrics):
    """Writes metrics.json of a run."""
    import json

    write_text(path / "metrics.json", json.dumps(metrics, indent=2) + "\n")
