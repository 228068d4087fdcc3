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
from yolact_tf.train.distribution import devices, is_first_worker
from yolact_tf.train.objective import YolactLoss
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.plots import draw_plots
from yolact_tf.weights.start import load_start_weights

logger = logging.getLogger(__name__)


def train(config, data, run_path, weights=None, verbose=2):
    """Trains `config` on folder `data` into folder `run_path` and returns the finished Run.

    Of several workers only the first writes the folder; the others return None.
    The number of classes becomes that of the data. weights: a run folder, a .weights.h5 file, or a file
    of the original, to start from; layers that depend on other classes start afresh.  verbose: as in
    `fit`, 1 a progress bar, 2 a line an epoch.
    """
    run_path = Path(run_path)
    if is_first_worker():
        require_new_run(run_path)
    train_data = load_coco(data, "train", config.data.on_error)
    val_data = load_coco(data, "val", config.data.on_error)
    if train_data.labels != val_data.labels:
        raise ValueError(
            f"{val_data.annotation_file}: expected the categories of the training split, "
            f"{train_data.labels}. Received: {val_data.labels}"
        )
    model_config = dataclasses.replace(config.model, num_classes=len(train_data.labels))
    config = dataclasses.replace(config, model=model_config)

    with devices(config.train.devices, config.train.batch_size) as chosen:
        keras.utils.set_random_seed(config.train.seed)
        keras.config.set_dtype_policy(config.train.precision)
        dataset = build_dataset(
            config, train_data, "train", worker=chosen.worker, num_workers=chosen.num_workers
        )
        with chosen.model_scope():
            model = build_yolact(untrained(config) if weights else config)
            if weights:
                _report(load_start_weights(model, weights, train_data.labels), weights)
            model.compile(
                optimizer=build_optimizer(config, steps_per_epoch=int(dataset.cardinality())),
                loss=YolactLoss(config),
                jit_compile=config.train.jit_compile or None,
            )
        if chosen.is_first:
            describe_run(run_path, config, train_data.labels)
        model.fit(
            dataset,
            epochs=config.train.epochs,
            callbacks=_callbacks(run_path, config, train_data.labels, val_data, chosen.is_first),
            verbose=verbose if chosen.is_first else 0,
            shuffle=False,  # the dataset shuffles itself
        )
    if not chosen.is_first:
        return None
    run = load_run(run_path)
    draw_plots(run, train_data, val_data)
    return run


def _report(transfer, weights):
    fresh = f"starting afresh: {', '.join(transfer.fresh)}" if transfer.fresh else "nothing starts afresh"
    logger.warning("%s: %d tensors loaded; %s", weights, transfer.loaded, fresh)


def _callbacks(run_path, config, labels, val_data, writes):
    """writes: whether this worker fills the run folder. All validate, so that all stay in step."""
    callbacks = [StopOnNonFinite(), LogLearningRate()]
    if config.train.ema:
        # The averaged weights stand in from the end of an epoch to the start of the next.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    target = run_path if writes else None
    callbacks.append(ValidateAP(target, config, labels, val_data, config.train.validate_every))
    if writes:
        callbacks += [
            keras.callbacks.CSVLogger(run_path / "log.csv"),
            keras.callbacks.TensorBoard(run_path / "tensorboard", write_graph=False),
        ]
    return callbacks
