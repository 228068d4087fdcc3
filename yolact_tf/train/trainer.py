"""`yolact train`: a recipe and a data folder in, a run folder out. No maths."""

import dataclasses
import logging
from pathlib import Path

import keras
import tensorflow as tf

from yolact_tf.config import Config
from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.fields import AUTO, differences
from yolact_tf.model import build_yolact
from yolact_tf.runs import describe_run, load_run, require_new_run, untrained
from yolact_tf.train.batch_size import largest_batch
from yolact_tf.train.budget import NO_LIMIT, KeepToMinutes
from yolact_tf.train.callbacks import LogLearningRate, ValidateAP
from yolact_tf.train.finite import StopOnNonFinite
from yolact_tf.train.freezing import freeze
from yolact_tf.train.interrupt import interruptible
from yolact_tf.train.loggers import require_loggers
from yolact_tf.train.objective import YolactLoss
from yolact_tf.train.optimizer import build_optimizer
from yolact_tf.train.run_log import cut_log
from yolact_tf.train.show import WatchedData
from yolact_tf.train.state import KeepState, Position, TakeUpEpoch, load_state, save_state
from yolact_tf.train.watch import Watch
from yolact_tf.weights.start import load_start_weights

logger = logging.getLogger(__name__)


def train(config, data, run_path, weights=None, resume=False, report=None):
    """Trains `config` on folder `data` into folder `run_path` and returns the finished Run.

    The number of classes becomes that of the data. weights: a run folder, a .weights.h5 file, or a file
    of the original, to start from; layers that depend on other classes start afresh.  resume: goes on
    with the run in `run_path` where its last state is.  report: what `training_report` yields, which
    shows the progress; none keeps silent.
    """
    run_path = Path(run_path)
    if not resume:
        require_new_run(run_path)
    require_loggers(config.train.loggers)
    train_data, val_data = _load_data(config, data)
    config = _resolved(config, train_data, run_path if resume else None)
    digest = f"{train_data.digest} {val_data.digest}"

    keras.utils.set_random_seed(config.train.seed)
    keras.config.set_dtype_policy(config.train.precision)
    model = build_yolact(untrained(config) if weights or resume else config)
    if weights and not resume:
        _report(load_start_weights(model, weights, train_data.labels), weights)
    _freeze(model, config)
    _compile(model, config, len(build_dataset(config, train_data, "train")))
    if resume:
        start = load_state(run_path, model, digest)
    else:
        start = Position()
        run_path.mkdir(parents=True, exist_ok=True)
        save_state(run_path, model, start, digest)  # before the files that make the folder a run
        describe_run(run_path, config, train_data.labels)
    if not _is_finished(config, start):
        data = WatchedData(data, train_data, val_data)
        _fit(model, config, data, run_path, (start, digest), report)
    return load_run(run_path)


def _load_data(config, data):
    train_data = load_data(data, "train", config.data.on_error)
    val_data = load_data(data, "val", config.data.on_error)
    if train_data.labels != val_data.labels:
        raise ValueError(
            f"{val_data.origin}: expected the categories of the training split, "
            f"{train_data.labels}. Received: {val_data.labels}"
        )
    return train_data, val_data


def _resolved(config, data, resumed):
    """`config` with what it leaves to the data and the machine. resumed: a run that must have the same."""
    model = dataclasses.replace(config.model, num_classes=len(data.labels))
    config = dataclasses.replace(config, model=model)
    batch_size = config.train.batch_size
    if resumed:
        file = resumed / "config.json"
        if not file.is_file():
            raise FileNotFoundError(f"--resume expects a run folder with config.json. Received: {resumed}")
        known = Config.from_json(file.read_text(encoding="utf-8"))
        batch_size = batch_size if batch_size != AUTO else known.train.batch_size
    elif batch_size == AUTO:
        batch_size = largest_batch(config, data.num_images)
        logger.warning("train.batch_size=%d fits into memory", batch_size)
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, batch_size=batch_size))
    if resumed and known != config:
        raise ValueError(
            f"--resume expects the recipe of the run {resumed}. Received other values: "
            + "; ".join(differences(config, known))
        )
    return config


def _freeze(model, config):
    train = config.train
    frozen = freeze(model, train.freeze, train.freeze_batch_norm, train.batch_size)
    if frozen:
        logger.warning("frozen: %s", ", ".join(frozen))


def _compile(model, config, steps_per_epoch):
    model.compile(
        optimizer=build_optimizer(config, steps_per_epoch),
        loss=YolactLoss(config),
        jit_compile=config.train.jit_compile,
    )
    model.optimizer.build(model.trainable_variables)


def _is_finished(config, start):
    """Whether a run that stopped at `start` has nothing left to do."""
    train = config.train
    waited_out = bool(train.patience) and start.waited >= train.patience
    out_of_time = bool(train.minutes) and start.seconds >= 60 * train.minutes and start.batch == 0
    return waited_out or out_of_time or (not train.minutes and start.epoch >= train.epochs)


def _fit(model, config, data, run_path, state, report):
    """Trains from a (Position, digest of the data) on. data: WatchedData."""
    start, _ = state
    batches, steps, left = _batches(config, data.train, start)
    cut_log(run_path / "log.csv", start.epoch)
    with interruptible() as interrupted:
        callbacks = _callbacks(run_path, config, data, state, interrupted, report)
        if left < steps:
            callbacks.insert(0, TakeUpEpoch(left))
        try:
            model.fit(
                batches,
                steps_per_epoch=steps,
                epochs=NO_LIMIT if config.train.minutes else config.train.epochs,
                initial_epoch=start.epoch,
                callbacks=callbacks,
                verbose=0,
                shuffle=False,  # the dataset shuffles itself
            )
        except (KeyboardInterrupt, OSError, ArithmeticError, tf.errors.OpError) as error:
            logger.warning(
                "%s holds the last state; the same command with --resume goes on from it", run_path
            )
            if isinstance(error, tf.errors.OpError):  # an image that vanished, where errors are refused
                raise OSError(_reason(error)) from None
            raise


def _reason(error):
    """The line of a TensorFlow error that says what happened, among those that say where."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    where = ("Graph execution error", "Detected at", "<stack traces", "[[")
    return next((line for line in lines if line and not line.startswith(where)), lines[0])


def _batches(config, data, start):
    """(endless batches from `start` on, batches an epoch, those that are left of the first)."""
    following = build_dataset(config, data, "train", first_epoch=start.epoch)
    steps = len(following)
    if not start.batch:
        return following.repeat(), steps, steps
    rest = build_dataset(config, data, "train", first_epoch=start.epoch, first_batch=start.batch)
    following = build_dataset(config, data, "train", first_epoch=start.epoch + 1)
    return rest.concatenate(following.repeat()), steps, steps - start.batch


def _callbacks(run_path, config, data, state, interrupted, report):
    """In the order in which they act at the end of an epoch: what writes comes after what it writes."""
    (start, digest), settings = state, config.train
    keep = KeepState(run_path, digest, start, settings.save_minutes, interrupted)
    clock = KeepToMinutes(settings.minutes, lambda: keep.seconds) if settings.minutes else None
    watch = Watch(run_path, config, data, report, clock.remaining if clock else None)
    validation = ValidateAP(
        run_path, config, data.val, settings.validate_every, settings.patience, watch.observe
    )
    validation.best, validation.waited = start.best, start.waited
    keep.validation = validation
    return [
        *([clock] if clock else []),
        StopOnNonFinite(settings.max_skipped),
        LogLearningRate(),
        validation,
        *watch.callbacks,
        keep,
    ]


def _report(transfer, weights):
    fresh = f"starting afresh: {', '.join(transfer.fresh)}" if transfer.fresh else "nothing starts afresh"
    logger.warning("%s: %d tensors loaded; %s", weights, transfer.loaded, fresh)
