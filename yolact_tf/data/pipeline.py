"""Records to padded batches: decode, choose a view, resample once, distort colours, pad, batch."""

import numpy as np
import tensorflow as tf

from yolact_tf.anchors import prototype_size
from yolact_tf.data import augment
from yolact_tf.data.coco import load_coco
from yolact_tf.data.images import decode_image
from yolact_tf.data.resample import resample_boxes, resample_image, resample_masks
from yolact_tf.preprocess import RGB_MEAN

SHUFFLE_BUFFER = 16_384


def build_dataset(config, data, split):
    """A tf.data.Dataset of (images, GroundTruth) batches for `model.fit`.

    images: [B, S, S, 3] float32 RGB 0..255.  GroundTruth: dict of `boxes` [B, G, 4], `classes`
    [B, G], `masks` [B, G, Hp, Wp] uint8, `is_crowd` [B, G] and `num_objects` [B], padded to
    G = `data.max_objects` slots. The split "train" is shuffled, augmented, and drops the incomplete
    last batch; any other is read in order, as it is.
    data: a folder as README describes, or the CocoData that `load_coco` made of one.
    """
    if not hasattr(data, "records"):
        data = load_coco(data, split, config.data.on_error)
    if len(data.labels) > config.model.num_classes:
        raise ValueError(
            f"`model.num_classes` must be at least the {len(data.labels)} categories of "
            f"{data.annotation_file}. Received: {config.model.num_classes}"
        )
    is_training = split == "train"
    settings = config.data
    batch_size = config.train.batch_size
    dataset = tf.data.Dataset.from_tensor_slices(_columns(data.records, settings.max_objects))
    if settings.cache:
        dataset = dataset.map(_read, tf.data.AUTOTUNE).cache()
    if is_training:
        seed = config.train.seed
        dataset = dataset.shuffle(min(len(data.records), SHUFFLE_BUFFER), seed=seed)
    if not settings.cache:  # after the shuffle, whose buffer then holds names and not files
        dataset = dataset.map(_read, tf.data.AUTOTUNE)
    if is_training:
        draws = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
        dataset = tf.data.Dataset.zip(dataset, draws)
    else:
        dataset = dataset.map(lambda example: (example, tf.zeros([2], tf.int64)))

    def view(example, seed):
        return _view(example, seed, settings, is_training)

    dataset = dataset.map(view, tf.data.AUTOTUNE)
    if is_training:
        if settings.on_error == "skip":  # a file that vanished or rotted since it was checked
            dataset = dataset.ignore_errors(log_warning=True)
        wanted = max(config.train.images_per_epoch or len(data.records), batch_size)
        dataset = dataset.repeat().take(wanted).apply(tf.data.experimental.assert_cardinality(wanted))
    return dataset.batch(batch_size, drop_remainder=is_training).prefetch(2)


def _columns(records, max_objects):
    """The records as tensors with the image as first axis; objects are ragged."""
    kept = [_largest(record, max_objects) for record in records]
    lengths = [len(indices) for indices in kept]

    def ragged(values, dtype, shape=()):
        flat = [value for row in values for value in row]
        return tf.RaggedTensor.from_row_lengths(np.array(flat, dtype).reshape(-1, *shape), lengths)

    runs = [record.runs[i] for record, indices in zip(records, kept, strict=True) for i in indices]
    flat_runs = np.concatenate(runs) if runs else np.zeros(0)
    runs = tf.RaggedTensor.from_row_lengths(flat_runs.astype("int32"), [len(r) for r in runs])
    pick = lambda name: [getattr(r, name)[k] for r, k in zip(records, kept, strict=True)]
    return {
        "path": tf.constant([record.path for record in records]),
        "boxes": ragged(pick("boxes"), "float32", (4,)),
        "classes": ragged(pick("classes"), "int32"),
        "is_crowd": ragged(pick("is_crowd"), bool),
        "runs": tf.RaggedTensor.from_row_lengths(runs, lengths),
    }


def _largest(record, count):
    """Indices of the `count` largest objects, in their own order."""
    areas = np.prod(record.boxes[:, 2:] - record.boxes[:, :2], axis=1)
    return np.sort(np.argsort(-areas, kind="stable")[:count])


def _read(columns):
    return {**columns, "encoded": tf.io.read_file(columns["path"])}


def _view(example, seed, settings, is_training):
    """One example as the network sees it: image and padded ground truth."""
    image = decode_image(example["encoded"])
    image_size = tf.shape(image)[0], tf.shape(image)[1]
    height, width = (tf.cast(side, tf.float32) for side in image_size)
    boxes = tf.convert_to_tensor(example["boxes"]) * tf.stack([width, height, width, height])
    is_crowd = tf.convert_to_tensor(example["is_crowd"])
    window = tf.stack([0.0, 0.0, width, height])
    if is_training:
        window = _choose_window(window, boxes, is_crowd, seed, settings)
    image = resample_image(image, window, settings.image_size, RGB_MEAN)
    if is_training and settings.photometric:
        image = augment.distort_colors(image, _fold(seed, 3))

    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    visible = tf.where(_is_inside(centers, window))[:, 0]
    boxes = resample_boxes(tf.gather(boxes, visible), window)
    runs = tf.gather(example["runs"], visible)
    mask_size = prototype_size(settings.image_size)
    truth = {
        "boxes": boxes,
        "classes": tf.gather(example["classes"], visible),
        "masks": resample_masks(runs, boxes, image_size, window, mask_size),
        "is_crowd": tf.gather(is_crowd, visible),
    }
    slots = settings.max_objects
    padded = {name: _pad(value, slots) for name, value in truth.items()}
    return image, {**padded, "num_objects": tf.shape(boxes)[0]}


def _choose_window(window, boxes, is_crowd, seed, settings):
    if settings.expand > 1:
        window = augment.expand(window, _fold(seed, 0), settings.expand)
    if settings.sample_crop:
        window = augment.sample_crop(window, boxes, is_crowd, _fold(seed, 1))
    if settings.mirror:
        window = augment.mirror(window, _fold(seed, 2))
    return window


def _fold(seed, step):
    return tf.random.experimental.stateless_fold_in(seed, step)


def _is_inside(points, window):
    low = tf.minimum(window[:2], window[2:])
    high = tf.maximum(window[:2], window[2:])
    return tf.reduce_all((points > low) & (points < high), 1)


def _pad(values, slots):
    padded = tf.pad(values, [[0, slots - tf.shape(values)[0]], *[[0, 0]] * (len(values.shape) - 1)])
    padded.set_shape([slots, *values.shape[1:]])
    return padded
