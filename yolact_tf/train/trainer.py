"""`yolact train`: a recipe and a data folder in, a run folder out. No maths."""

import functools
import logging
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

from yolact_tf.config import Config
from yolact_tf.data.load import load_both
from yolact_tf.data.mixing_end import MixingEnd, ends_mixing
from yolact_tf.data.pipeline import build_dataset, steps_per_epoch
from yolact_tf.data.unreadable import Unreadable
from yolact_tf.files import PathLike
from yolact_tf.losses.objective import YolactLoss
from yolact_tf.model.backbones import START_WORDS
from yolact_tf.runs import Run, describe_run, load_run, require_new_run, untrained, with_preset
from yolact_tf.train.distribution import Devices, devices, is_first_worker, tells_of_lost_worker
from yolact_tf.train.freezing import freeze, layers_named
from yolact_tf.train.interrupt import interruptible
from yolact_tf.train.non_finite import StopOnNonFinite
from yolact_tf.train.open_choices import with_choices, with_devices
from yolact_tf.train.optimizer import build_optimizer, set_total_steps, unwrapped
from yolact_tf.train.resume import accept_changes, fit_from, recipe_of
from yolact_tf.train.state import KeepState, Position, digest_of, load_state, save_state
from yolact_tf.train.time_limit import NO_LIMIT, CloseMixing, KeepToMinutes
from yolact_tf.train.validation import ValidateAP
from yolact_tf.train.watch.callbacks import Watch
from yolact_tf.train.watch.loggers import require_loggers
from yolact_tf.train.watch.lost_images import TellLostImages
from yolact_tf.train.watch.progress import Report
from yolact_tf.train.watch.run_log import cut_log
from yolact_tf.train.watch.run_pictures import WatchedData
from yolact_tf.weights.initial import build_yolact, load_start_weights, with_start_word

logger = logging.getLogger(__name__)


def train(
    config: Config,
    data: PathLike,
    run_path: PathLike,
    weights: PathLike | None = None,
    resume: bool = False,
    report: Report | None = None,
) -> Run | None:
    """Trains `config` on folder `data` into folder `run_path` and returns the finished Run.

    Of several workers only the first writes the folder; the others return None.
    The number of classes becomes that of the data. weights: a run folder, a .weights.h5 file, or a file
    of the original, to start from; layers that depend on other classes start afresh. Or a word that
    `model.backbone_weights` may be.  resume: goes on with the run in `run_path` where its last state is;
    `config` may differ as `accept_changes` says.
    report: what `training_report` yields, which shows the progress; none keeps silent.
    """
    run_path = Path(run_path)
    if resume and weights:
        logger.warning("%s is not loaded: --resume goes on with the weights of %s", weights, run_path)
    if is_first_worker() and not resume:
        require_new_run(run_path)
    if str(weights) in START_WORDS:
        config, weights = with_start_word(config, str(weights)), None
    require_loggers(config.train.loggers)
    watched = WatchedData(data, *load_both(data, config.data))
    known = recipe_of(run_path) if resume else None
    config = with_preset(config, known)
    config = with_choices(config, watched.train, known)
    if known:
        accept_changes(config, known, run_path, steps_per_epoch(config, watched.train))
    with devices(config.train.devices, config.train.batch_size) as chosen:
        _require_one_clock(config, chosen)
        config = with_devices(config, chosen.count)
        keras.utils.set_random_seed(config.train.seed)
        keras.config.set_dtype_policy(config.train.precision)
        model = _build(config, watched.train, None if resume else weights, resume, chosen)
        training = Training(model, config, watched, run_path, chosen, digest_of(watched.train, watched.val))
        start = _loaded(training) if resume else Position()
        if chosen.is_first and not resume:
            run_path.mkdir(parents=True, exist_ok=True)
            save_state(run_path, model, start, training.digest)  # before what makes the folder a run
        if chosen.is_first and config != known:
            describe_run(run_path, config, watched.train.labels)
        if not _is_finished(config, start):
            _fit(training, start, report)
    return load_run(run_path) if chosen.is_first else None


class Training(NamedTuple):
    """What a training is made of."""

    model: keras.Model
    config: Config
    data: WatchedData
    run_path: Path
    devices: Devices
    digest: str  # of the data


def _require_one_clock(config, chosen):
    if config.train.minutes and chosen.num_workers > 1:
        raise ValueError(
            "`train.minutes` must be 0 for several workers, whose clocks differ. "
            f"Received: {config.train.minutes:g}"
        )


def _build(config, data, weights, resume, chosen):
    """The compiled model, with its start weights unless a state is to be loaded."""
    with chosen.model_scope():
        model = build_yolact(untrained(config) if weights or resume else config)
        if weights:
            _report(load_start_weights(model, weights, data.labels), weights)
        _freeze(model, config.train)
        if config.train.freeze and not (weights or resume) and config.model.backbone_weights == "random":
            logger.warning("what is frozen has random weights; --set train.freeze= lets it learn")
        compile_model(model, config, steps_per_epoch(config, data))
    return model


def _freeze(model, train):
    """Freezes for good what does not thaw; of the rest the optimizer takes care."""
    if train.thaw_at:
        if not layers_named(model, train.freeze):
            raise ValueError("`train.freeze` must name what `train.thaw_at` thaws. Received: nothing")
        logger.warning("frozen until %g of the run: %s", train.thaw_at, ", ".join(train.freeze))
    frozen = freeze(model, () if train.thaw_at else train.freeze, train.freeze_batch_norm)
    if frozen:
        logger.warning("frozen: %s", ", ".join(frozen))


def compile_model(model: keras.Model, config: Config, steps_per_epoch: int) -> None:
    """Compiles `model` for training and makes all of its variables."""
    model.compile(
        optimizer=build_optimizer(config, steps_per_epoch),
        loss=YolactLoss(config),
        jit_compile=config.train.jit_compile or None,
    )
    model.optimizer.build(model.trainable_variables)


def _loaded(training):
    """Puts the last state of the run into the model; returns the Position."""
    model, config, data = training.model, training.config, training.data
    start = load_state(training.run_path, model, training.digest)
    # A clock tells the length as it goes; else it is that of the recipe, which may have other epochs by now.
    epochs = config.train.epochs * steps_per_epoch(config, data.train)
    known = float(unwrapped(model.optimizer).total_steps)
    set_total_steps(model.optimizer, known if config.train.minutes else epochs)
    return start


def _is_finished(config, start):
    """Whether a run that stopped at `start` has nothing left to do."""
    train = config.train
    waited_out = bool(train.patience) and start.waited >= train.patience
    is_over = start.seconds >= 60 * train.minutes if train.minutes else start.epoch >= train.epochs
    return start.batch == 0 and (waited_out or is_over)


def _fit(training, start, report):
    """Trains from the Position `start` on."""
    model, config, data, run_path, chosen, _ = training
    steps = steps_per_epoch(config, data.train)
    epochs = NO_LIMIT if config.train.minutes else config.train.epochs
    unreadable = Unreadable()
    is_timed = config.train.minutes and ends_mixing(config.data)
    mixing_end = MixingEnd(start.first_unmixed) if is_timed else None
    options = {"worker": chosen.worker, "num_workers": chosen.num_workers}
    options |= {"unreadable": unreadable, "mixing_end": mixing_end}
    build = functools.partial(build_dataset, config, data.train, "train", **options)
    if chosen.is_first:
        cut_log(run_path / "log.csv", start.epoch)
    with interruptible() as reason_to_stop:
        callbacks = _callbacks(training, start, reason_to_stop, report, mixing_end)
        callbacks = [TellLostImages(unreadable), *callbacks]
        try:
            fit_from(start, model, build, callbacks, epochs, steps)
        except BaseException as error:  # also one of a logger or of memory
            logger.warning(
                "%s holds the last state; the same command with --resume goes on from it", run_path
            )
            if isinstance(error, tf.errors.OpError):  # such as that of too many lost images
                raise OSError(unreadable.verdict or _reason(error)) from None
            if chosen.num_workers > 1 and tells_of_lost_worker(error):
                raise OSError(
                    f"Worker {chosen.worker} expected an answer of all {chosen.num_workers} workers. "
                    f"Received: {str(error).splitlines()[0]}"
                ) from None
            raise


def _reason(error):
    """The line of a TensorFlow error that says what happened, among those that say where."""
    lines = [line.strip() for line in str(error.message).splitlines()]
    where = ("Graph execution error", "Detected at", "<stack traces", "[[")
    return next((line for line in lines if line and not line.startswith(where)), lines[0])


def _callbacks(training, start, reason_to_stop, report, mixing_end):
    """In the order in which they act at the end of an epoch: what writes comes after what it writes.

    All workers validate, so that all stay in step; the first alone writes and is watched.
    """
    _, config, data, run_path, chosen, digest = training
    settings = config.train
    keep = KeepState(run_path, digest, start, settings.save_minutes, reason_to_stop)
    keep.mixing_end = mixing_end
    clock = KeepToMinutes(settings.minutes, lambda: keep.seconds) if settings.minutes else None
    remaining = clock.remaining if clock else None
    clocks = [clock] if clock else []
    if mixing_end:
        limit = 60 * settings.minutes * (1 - config.data.unmixed_end)
        clocks.append(CloseMixing(mixing_end, limit, lambda: keep.seconds))
    watch = Watch(run_path, config, data, report, remaining) if chosen.is_first else None
    validation = ValidateAP(
        run_path if watch else None,
        config,
        data.val,
        settings.validate_every,
        settings.patience,
        watch.sample.observe if watch else None,
        watch.sample.count if watch else None,
    )
    validation.best, validation.waited = start.best, start.waited
    keep.validation = validation
    callbacks = [StopOnNonFinite(settings.max_skipped), validation]
    return [*clocks, *callbacks, *([*watch.callbacks, keep] if watch else [])]


def _report(transfer, weights):
    fresh = f"starting afresh: {', '.join(transfer.fresh)}" if transfer.fresh else "nothing starts afresh"
    logger.warning("%s: %d tensors loaded; %s", weights, transfer.loaded, fresh)
