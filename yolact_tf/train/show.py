"""The pictures of a run, there from its start and drawn anew after validations."""

import math
import time
from dataclasses import replace

import keras
import numpy as np

from yolact_tf.data.contact_sheet import draw_batch, training_views
from yolact_tf.data.images import read_image
from yolact_tf.data.stats import statistics
from yolact_tf.data.stats_picture import draw_statistics
from yolact_tf.overlays import save_picture
from yolact_tf.train.matches import positives_by_level
from yolact_tf.train.optimizer import schedule_of
from yolact_tf.train.pictures import prototype_picture, truth_beside_detections
from yolact_tf.train.plots import draw_learning_rate, draw_results
from yolact_tf.train.summary import describe_data, write_summary
from yolact_tf.visualise import in_rows, resize, titled

_TRAIN_PICTURES = 3  # batches shown
_VAL_PICTURES = 2
_VAL_IMAGES = 8  # on each
_MOST_EXAMPLES = 16  # of a training batch, on its picture
_WIDEST = 1600  # pixels of a training batch's picture
_SAMPLE = 256  # training images that examples come from
_SHARE = 0.1  # of the time of a training, at most, goes into pictures


class ShowTraining(keras.callbacks.Callback):
    """Fills plots/ and summary.html: labels.png, lr.png and train_batch*.jpg at the start, results.png,
    val_batch*.jpg and prototypes.png after validations.

    detector: a function that gives the Detector of the model.  show: called after a validation as
    show(epoch, {name: picture}, positive anchors of each level on a training batch).
    """

    def __init__(self, run_path, config, train_data, val_data, detector, show):
        super().__init__()
        self.run_path, self.config = run_path, config
        self.train_data, self.val_data = train_data, val_data
        self.detector, self.show = detector, show
        self.names = list(val_data.labels.values())
        self._is_stale, self._next = False, -math.inf

    def on_train_begin(self, logs=None):
        folder = self.run_path / "plots"
        folder.mkdir(exist_ok=True)
        draw_statistics(statistics(self.train_data, self.config), folder / "labels.png")
        steps = self.params["steps"]
        total = steps * self.params["epochs"]
        draw_learning_rate(schedule_of(self.model.optimizer), total, steps, folder / "lr.png")
        self._batches = _training_batches(self.config, self.train_data)
        for number, (images, truth) in enumerate(self._batches.repeat(_TRAIN_PICTURES)):
            shown = {name: values[:_MOST_EXAMPLES] for name, values in truth.items()}
            sheet = draw_batch(images[:_MOST_EXAMPLES], shown, self.names)
            save_picture(_at_most(sheet, _WIDEST), folder / f"train_batch{number}.jpg")
        describe_data(self.run_path, self.train_data, self.val_data)
        write_summary(self.run_path)

    def on_epoch_end(self, epoch, logs=None):
        self._epoch, self._ap = epoch, logs["val_mask_AP"]
        self._is_stale = True
        if math.isfinite(self._ap) and time.monotonic() >= self._next:
            self._draw()

    def on_train_end(self, logs=None):
        if self._is_stale:
            self._draw()

    def _draw(self):
        """Draws what changes as the model learns."""
        started = time.monotonic()
        folder = self.run_path / "plots"
        draw_results(self.run_path / "log.csv", folder / "results.png")
        pairs, prototypes = self._validation_pictures()
        title = f"after epoch {self._epoch + 1}: ground truth on the left, detections on the right"
        for number in range(0, len(pairs), _VAL_IMAGES):
            sheet = titled(in_rows(pairs[number : number + _VAL_IMAGES], 2), title)
            save_picture(sheet, folder / f"val_batch{number // _VAL_IMAGES}.jpg")
        save_picture(prototypes, folder / "prototypes.png")
        write_summary(self.run_path)
        shown = {f"pictures/validation {number}": pair for number, pair in enumerate(pairs[:4])}
        _, truth = next(iter(self._batches))
        positives = positives_by_level(truth, self.config)
        self.show(self._epoch, {**shown, "pictures/prototypes": prototypes}, positives)
        ended = time.monotonic()
        self._is_stale, self._next = False, ended + (ended - started) / _SHARE

    def _validation_pictures(self):
        """([pictures of truth beside detections], a picture of the first image's prototypes)."""
        detector, pairs = self.detector(), []
        for record in _spread(self.val_data.records, _VAL_PICTURES * _VAL_IMAGES):
            image = read_image(record.path)
            found = detector(image)
            if not pairs:
                prototypes = prototype_picture(image, found.prototypes)
            pairs.append(truth_beside_detections(image, record, found, self.names))
        return pairs, prototypes


def _training_batches(config, data):
    """A dataset of one augmented training batch, another one each time it is iterated.

    It draws from a sample of the images: what a whole data set holds in memory is not held twice.
    """
    usable = [record for record in data.records if config.data.empty_images or len(record.runs)]
    sample = replace(data, records=tuple(_spread(usable, _SAMPLE)))
    return training_views(config, sample, config.train.batch_size, config.train.seed)


def _spread(records, count):
    """At most `count` of the records, evenly spaced."""
    places = np.linspace(0, len(records) - 1, min(count, len(records)))
    return [records[int(place)] for place in places.round()]


def _at_most(picture, width):
    """The picture, scaled down where it is wider than `width` pixels."""
    scale = min(1.0, width / picture.shape[1])
    return resize(picture, (round(picture.shape[0] * scale), round(picture.shape[1] * scale)))
