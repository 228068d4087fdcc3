"""Everything by which a person watches a training."""

from collections.abc import Callable
from pathlib import Path

import keras

from yolact_tf.config import Config
from yolact_tf.train.watch.loggers import build_loggers
from yolact_tf.train.watch.progress import Report, ReportProgress
from yolact_tf.train.watch.run_log import LogEpochs
from yolact_tf.train.watch.run_pictures import ShowTraining, WatchedData
from yolact_tf.train.watch.tensorboard import TensorBoardLog
from yolact_tf.train.watch.throughput import Throughput
from yolact_tf.train.watch.validation_pictures import ValidationSample

SHOWN_IMAGES = 16  # of the validation set


class Watch:
    """log.csv, TensorBoard, plots/, summary.html, `train.loggers` and the progress of a training.

    `sample` is the ValidationSample that validations fill; `callbacks` come last in `fit`: they read what
    others add to the logs, which are `learning_rate`, and `val_box_AP` and `val_mask_AP`, NaN for an epoch
    without validation.

    data: a `run_pictures.WatchedData`.  report: what `training_report` yields; none keeps silent.
    remaining_seconds: a function that says what is left of a budget of time, where there is one.
    """

    def __init__(
        self,
        run_path: Path,
        config: Config,
        data: WatchedData,
        report: Report | None = None,
        remaining_seconds: Callable[[], float] | None = None,
    ):
        progress = report.validating if report else None
        self.sample = ValidationSample(data.val.num_images, data.val.labels, SHOWN_IMAGES, progress)
        throughput = Throughput(config.train.batch_size, remaining_seconds)
        board = TensorBoardLog(run_path / "tensorboard")
        self.callbacks: list[keras.callbacks.Callback] = [
            throughput,
            LogLearningRate(),
            LogEpochs(run_path / "log.csv"),
            *build_loggers(config.train.loggers, config, run_path),
            ShowTraining(run_path, config, data, self.sample, board.show),
            board,  # ends after the pictures that it is given
        ]
        if report:
            self.callbacks.append(ReportProgress(report, throughput))


class LogLearningRate(keras.callbacks.Callback):
    """Adds `learning_rate`, that of the step after the epoch, to the logs."""

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
