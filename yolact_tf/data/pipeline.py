"""Images to padded batches: order, read, view, pad, batch."""

import tensorflow as tf

from yolact_tf.config import Config
from yolact_tf.data.augment.draws import fold, uniform
from yolact_tf.data.augment.multi_image import mosaic, paste_objects
from yolact_tf.data.augment.resample import rotate
from yolact_tf.data.augment.single_image import plain_view, random_view
from yolact_tf.data.load import load_data
from yolact_tf.data.mixing_end import MixingEnd, first_unmixed_batch
from yolact_tf.data.shards.files import naming_damage
from yolact_tf.data.split import Split
from yolact_tf.data.training_order import Share, of_worker, training_order
from yolact_tf.data.unreadable import Unreadable, fill_gaps
from yolact_tf.files import PathLike


def build_dataset(
    config: Config,
    data: PathLike | Split,
    split: str,
    first_epoch: int = 0,
    first_batch: int = 0,
    worker: int = 0,
    num_workers: int = 1,
    unreadable: Unreadable | None = None,
    mixing_end: MixingEnd | None = None,
) -> tf.data.Dataset:
    """A tf.data.Dataset of (images, GroundTruth) batches for `model.fit`.

    images: [B, S, S, 3] float32 RGB 0..255, or [B, S, S, 1] grey.  GroundTruth: dict of `boxes`
    [B, G, 4], `classes` [B, G], `masks` [B, G, Hm, Wm] uint8, `is_crowd` [B, G] and `num_objects` [B],
    padded to G = `data.max_objects` slots. The split "train" is shuffled, augmented, and drops the
    incomplete last batch; any other is read in order, as it is.
    data: a folder as docs/how-to/data.md describes, or what `load_data` made of one.
    first_epoch: the epoch that the first iteration of the dataset is; each further one is the next.
    first_batch: where in its epoch the first iteration begins, for an epoch that was interrupted. It is as
    long as the others, so that `take` has to end it with the epoch.
    worker, num_workers: batches are `train.batch_size` / num_workers large and hold this worker's part
    of what one worker alone would see.
    unreadable: an Unreadable, which is told what cannot be read while the dataset is iterated. Iterating ends
    with an OpError above the share that the recipe allows.
    mixing_end: when mosaic and copy-paste end, where a clock tells; else it follows from `train.epochs`.
    """
    data = load_data(data, split, config.data)
    if len(data.labels) > config.model.num_classes:
        raise ValueError(
            f"`model.num_classes` must be at least the {len(data.labels)} categories of "
            f"{data.origin}. Received: {config.model.num_classes}"
        )
    batch_size = config.train.known_batch_size
    if batch_size % num_workers:
        raise ValueError(
            f"`train.batch_size` must be a multiple of the {num_workers} workers. Received: {batch_size}"
        )
    if split == "train":
        share = Share(batch_size, worker, num_workers)
        end = mixing_end or _planned_end(config, data)
        unreadable = unreadable or Unreadable()
        dataset = _training_views(config, data, (first_epoch, first_batch), share, unreadable, end)
    else:
        dataset = _plain_views(config, data)
        if num_workers > 1:
            dataset = of_worker(dataset, batch_size, worker, num_workers)
    options = tf.data.Options()
    options.deterministic = config.data.deterministic
    # Workers have their part already.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    dataset = dataset.batch(batch_size // num_workers, drop_remainder=split == "train")
    return dataset.prefetch(2).with_options(options)


def steps_per_epoch(config: Config, data: Split) -> int:
    """Batches in an epoch of a training split, as `load_data` gives it: `len` of a dataset not yet built.

    ValueError where no image trains.
    """
    return _views_per_epoch(config, data) // config.train.known_batch_size


def _views_per_epoch(config, data):
    _require_objects(data, config.data)
    num_images = data.num_images if config.data.empty_images else data.num_with_objects
    batch_size = config.train.known_batch_size
    num_views = max(config.train.images_per_epoch or num_images, batch_size)
    return num_views - num_views % batch_size


def _plain_views(config, data):
    source = data.source(config.data.cache)

    # Nothing here needs AutoGraph, which takes most of the time that tracing does.
    @tf.autograph.experimental.do_not_convert
    def view(handle):
        return _padded(*plain_view(source.read(handle), config.data), config.data.max_objects)

    return source.in_order().map(view, tf.data.AUTOTUNE)


def _planned_end(config, data):
    first = first_unmixed_batch(config, steps_per_epoch(config, data))
    return None if first is None else MixingEnd(first)


def _training_views(config, data, start, share, unreadable, mixing_end):
    settings, seed = config.data, config.train.seed
    first_epoch, first_batch = start
    num_views = _views_per_epoch(config, data)
    source = data.source(settings.cache, settings.empty_images)
    partners = (3 if settings.mosaic else 0) + (1 if settings.copy_paste else 0)

    # Counted over the whole training; spare views of an epoch, for what gets lost, like those of the next.
    number_of = lambda place: place[0] * num_views + place[1]

    def order(first_epoch, first_view):
        return training_order(source, num_views, seed, first_epoch, first_view, partners)

    @tf.autograph.experimental.do_not_convert
    def view(place, handles, seed):
        number = tf.stack([place[0], share.number(place[1])])
        is_over = mixing_end and mixing_end.is_over(number_of(place) // share.batch_size)
        mixed = 1.0 if is_over is None else 1 - tf.cast(is_over, tf.float32)
        return number, _padded(*_augmented(source, handles, seed, settings, mixed), settings.max_objects)

    def find(epoch, number):
        with naming_damage(data.origin):
            place, handles, seed = next(iter(order(epoch, share.position(number))))
        return source, handles, lambda: view(place, handles, seed)

    views = order(first_epoch, first_batch * share.batch_size)
    if mixing_end:
        views = mixing_end.watch(views, lambda place: -(-number_of(place) // share.batch_size))
    if share.num_workers > 1:
        views = views.filter(lambda place, *_: share.holds(place[1]))
    own = num_views // share.num_workers
    unreadable.begin(settings.max_unreadable if settings.on_error == "skip" else 0, own, find)
    begin = lambda epoch: tf.where(epoch == first_epoch, tf.constant(first_batch * share.own, tf.int64), 0)
    made = views.map(view, tf.data.AUTOTUNE, deterministic=True).ignore_errors()  # in order, to see gaps
    views = fill_gaps(made, begin, unreadable)
    return views.take(own).apply(tf.data.experimental.assert_cardinality(own))


def _require_objects(data, settings):
    """ValueError where no image trains; crowds teach nothing."""
    if not settings.empty_images and not data.num_objects:
        received = "with crowds alone" if data.num_with_objects else "without any"
        raise ValueError(
            f"{data.origin}: expected at least one annotation to train from, or "
            f"`data.empty_images=true`. Received: {data.num_images} images {received}"
        )


def _augmented(source, handles, seed, settings, mixed):
    """(image, truth) of a group of handles: the first alone, or joined with the others where `mixed` is 1."""
    read = lambda number: source.read(handles[number])
    draws = lambda step: uniform(fold(seed, step), 1)[0]
    single = lambda: random_view(read(0), fold(seed, 0), settings)
    if settings.mosaic:
        four = lambda: mosaic([read(number) for number in range(4)], fold(seed, 1), settings)
        image, truth = tf.cond(draws(2) < mixed * settings.mosaic, four, single)
    else:
        image, truth = single()
    if settings.copy_paste:
        pasted = lambda: paste_objects(image, truth, read(-1), fold(seed, 3), settings)
        image, truth = tf.cond(draws(4) < mixed * settings.copy_paste, pasted, lambda: (image, truth))
    if settings.rotate:
        image, truth = rotate(image, truth, tf.cast(draws(5) * 4, tf.int32))
    return image, truth


def _padded(image, truth, slots):
    """(image, GroundTruth) with truth filled up to `slots` rows of zeros."""
    count = tf.shape(truth["boxes"])[0]
    padded = {}
    for name, values in truth.items():
        shape = values.shape[1:]
        padded[name] = tf.pad(values, [[0, slots - count], *[[0, 0]] * len(shape)])
        padded[name].set_shape([slots, *shape])
    return image, {**padded, "num_objects": count}
