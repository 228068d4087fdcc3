"""`yolact train`: a recipe and a data folder in, a run folder out. No maths."""

import dataclasses
import logging
from pathlib import Path

import keras

from yolact_tf.data.coco import load_coco
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.model import build_yolact
from yolact_tf.runs import describe_run, load_run, require_new_run, untrained
from yolact_tf.train.callbacks import LogLearningRate, StopOnNonFinite, ValidateAP
from yolact_tf.train.loggers import require_loggers
from yolact_tf.train.objective import YolactLoss
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.show import WatchedData
from yolact_tf.train.watch import Watch
from yolact_tf.weights.start import load_start_weights

logger = logging.getLogger(__name__)


def train(config, data, run_path, weights=None, report=None):
    """Trains `config` on folder `data` into folder `run_path` and returns the finished Run.

    The number of classes becomes that of the data. weights: a run folder, a .weights.h5 file, or a file
    of the original, to start from; layers that depend on other classes start afresh.  report: what
    `training_report` yields, which shows the progress; none keeps silent.
    """
    run_path = Path(run_path)
    require_new_run(run_path)
    require_loggers(config.train.loggers)
    train_data = load_coco(data, "train", config.data.on_error)
    val_data = load_coco(data, "val", config.data.on_error)
    if train_data.labels != val_data.labels:
        raise ValueError(
            f"{val_data.annotation_file}: expected the categories of the training split, "
            f"{train_data.labels}. Received: {val_data.labels}"
        )
    model_config = dataclasses.replace(config.model, num_classes=len(train_data.labels))
    config = dataclasses.replace(config, model=model_config)

    keras.utils.set_random_seed(config.train.seed)
    keras.config.set_dtype_policy(config.train.precision)
    model = build_yolact(untrained(config) if weights else config)
    if weights:
        _report(load_start_weights(model, weights, train_data.labels), weights)
    dataset = build_dataset(config, train_data, "train")
    model.compile(
        optimizer=build_optimizer(config, steps_per_epoch=int(dataset.cardinality())),
        loss=YolactLoss(config),
        jit_compile=config.train.jit_compile,
    )
    describe_run(run_path, config, train_data.labels)
    watch = Watch(run_path, config, WatchedData(data, train_data, val_data), report)
    model.fit(
        dataset,
        epochs=config.train.epochs,
        callbacks=_callbacks(run_path, config, val_data, watch),
        verbose=0,
        shuffle=False,  # the dataset shuffles itself
    )
    return load_run(run_path)


def _report(transfer, weights):
    fresh = f"starting afresh: {', '.join(transfer.fresh)}" if transfer.fresh else "nothing starts afresh"
    logger.warning("%s: %d tensors loaded; %s", weights, transfer.loaded, fresh)


def _callbacks(run_path, config, val_data, watch):
    callbacks = [StopOnNonFinite(), LogLearningRate()]
    if config.train.ema:
        # The averaged weights stand in from the end of an epoch to the start of the next.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    every = config.train.validate_every
    validate = ValidateAP(run_path, config, val_data.labels, val_data, every, watch.observe)
    return [*callbacks, validate, *watch.callbacks]
