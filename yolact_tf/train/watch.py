"""Everything by which a person watches a training, as callbacks that `fit` takes."""

import keras

from yolact_tf.train.loggers import build_loggers
from yolact_tf.train.pace import Pace
from yolact_tf.train.report import ReportProgress
from yolact_tf.train.show import ShowTraining
from yolact_tf.train.tensorboard import TensorBoardLog


def watchers(run_path, config, train_data, val_data, detector, report=None, remaining_seconds=None):
    """Callbacks for log.csv, TensorBoard, plots/, summary.html, `train.loggers` and the progress, in order.

    They read what earlier callbacks add to the logs: `learning_rate`, and `val_box_AP` and `val_mask_AP`,
    NaN for an epoch without validation.  detector: a function that gives the Detector of the model, asked
    after a validation.  report: what `training_report` yields; none keeps silent.  remaining_seconds: a
    function that says what is left of a budget of time.
    """
    pace = Pace(config.train.batch_size, remaining_seconds)
    board = TensorBoardLog(run_path / "tensorboard")
    callbacks = [
        pace,
        keras.callbacks.CSVLogger(run_path / "log.csv", append=True),
        *build_loggers(config.train.loggers, config, run_path),
        ShowTraining(run_path, config, train_data, val_data, detector, board.show),
        board,  # ends after the pictures that it is given
    ]
    return [*callbacks, ReportProgress(report, pace)] if report else callbacks
