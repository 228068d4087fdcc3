"""The pictures of a run, there from its start and drawn anew after validations."""

import contextlib
import itertools
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from yolact_tf.config import Config
from yolact_tf.data.inspect.contact_sheet import draw_batch, training_views
from yolact_tf.data.inspect.stats import statistics
from yolact_tf.data.inspect.stats_picture import draw_statistics
from yolact_tf.data.split import Split
from yolact_tf.draw.instances import in_rows, resize, titled
from yolact_tf.draw.picture_files import save_picture
from yolact_tf.files import PathLike, write_text
from yolact_tf.labels import distinct_names
from yolact_tf.train.optimizer import schedule_of
from yolact_tf.train.watch.anchor_matches import positives_by_level
from yolact_tf.train.watch.plots import draw_learning_rate, draw_results
from yolact_tf.train.watch.summary import write_summary
from yolact_tf.train.watch.validation_pictures import ValidationSample

_DESCRIPTION = "data.json"
_TRAIN_PICTURES = 3  # batches shown
_VAL_IMAGES = 8  # on a picture
_MOST_EXAMPLES = 16  # of a training batch, on its picture
_WIDEST = 1600  # pixels of a training batch's picture
_SAMPLE = 256  # training images that examples come from
_MOST_COUNTED = 5000  # images of a split that is not in memory
_SHARE = 0.1  # of the time of a training, at most, goes into pictures


class WatchedData(NamedTuple):
    """The data of a training."""

    folder: PathLike  # as the user named it
    train: Split
    val: Split


class ShowTraining(keras.callbacks.Callback):
    """Fills plots/ and summary.html: labels.png, lr.png and train_batch*.jpg at the start, results.png,
    val_batch*.jpg and prototypes.png after validations.

    data: a WatchedData.  sample: the ValidationSample that validations fill.  show: called after a
    validation as show(epoch, {name: picture}, positive anchors of each level on a training batch).
    """

    def __init__(
        self,
        run_path: Path,
        config: Config,
        data: WatchedData,
        sample: ValidationSample,
        show: Callable[[int, Mapping[str, np.ndarray], np.ndarray], None],
    ):
        super().__init__()
        self.run_path, self.config, self.data = run_path, config, data
        self.sample, self.show = sample, show
        self._is_stale = False  # whether an epoch has ended since the last drawing
        self._validated = None  # the epoch whose validation is not drawn yet
        self._next = -math.inf

    def on_train_begin(self, logs=None):
        folder = self.run_path / "plots"
        folder.mkdir(exist_ok=True)
        description = {"folder": str(self.data.folder), **self._count_data(folder)}
        write_text(self.run_path / _DESCRIPTION, json.dumps(description, indent=2) + "\n")
        self._draw_learning_rate()
        self._batches = _training_batches(self.config, self.data.train)
        for number, (images, truth) in enumerate(self._batches.repeat(_TRAIN_PICTURES)):
            shown = {name: values[:_MOST_EXAMPLES] for name, values in truth.items()}
            sheet = draw_batch(images[:_MOST_EXAMPLES], shown, self.data.train.labels)
            save_picture(_at_most(sheet, _WIDEST), folder / f"train_batch{number}.jpg")
        write_summary(self.run_path)

    def on_epoch_end(self, epoch, logs=None):
        self._is_stale = True
        if math.isfinite(logs["val_mask_AP"]):
            self._validated = epoch
            if time.monotonic() >= self._next:
                self._draw()

    def on_train_end(self, logs=None):
        if self._is_stale:
            self._draw()

    def _count_data(self, folder):
        """What data.json says of both splits; draws labels.png. A run that goes on has both already."""
        if (folder / "labels.png").exists():
            with contextlib.suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # counted anew
                described = json.loads((self.run_path / _DESCRIPTION).read_text(encoding="utf-8"))
                return {split: described[split] for split in ("train", "val")}
        numbers = statistics(self.data.train, self.config, most=_most_counted(self.data.train))
        draw_statistics(numbers, folder / "labels.png")
        train = {
            "images": numbers.num_images,
            "of": self.data.train.num_images,
            "objects": numbers.num_objects,
            "crowds": numbers.num_crowds,
            "classes": numbers.class_counts,
        }
        return {"train": train, "val": _count(self.data.val)}

    def _draw(self):
        """Draws what changes as the model learns."""
        started = time.monotonic()
        draw_results(self.run_path / "log.csv", self.run_path / "plots" / "results.png")
        if self._validated is not None:
            self._draw_validation()
        self._draw_learning_rate()  # a budget of time tells its length as it goes
        write_summary(self.run_path)
        ended = time.monotonic()
        self._is_stale, self._validated = False, None
        self._next = ended + (ended - started) / _SHARE

    def _draw_learning_rate(self):
        schedule = schedule_of(self.model.optimizer)
        target = self.run_path / "plots" / "lr.png"
        draw_learning_rate(schedule, schedule.total_steps, self.params["steps"], target)

    def _draw_validation(self):
        folder, pairs = self.run_path / "plots", self.sample.pairs
        title = f"after epoch {self._validated + 1}: ground truth on the left, detections on the right"
        for number in range(0, len(pairs), _VAL_IMAGES):
            sheet = titled(in_rows(pairs[number : number + _VAL_IMAGES], 2), title)
            save_picture(sheet, folder / f"val_batch{number // _VAL_IMAGES}.jpg")
        save_picture(self.sample.prototypes, folder / "prototypes.png")
        shown = {f"pictures/validation {number}": pair for number, pair in enumerate(pairs[:4])}
        _, truth = next(iter(self._batches))
        positives = positives_by_level(truth, self.config)
        self.show(self._validated, {**shown, "pictures/prototypes": self.sample.prototypes}, positives)


def _most_counted(data):
    """How many images are counted: all, but for a split that has to be read for it."""
    return None if data.is_in_memory else _MOST_COUNTED


def _count(data):
    """{images, of how many, objects, crowds, classes} of a split, counted as `statistics` does."""
    names = distinct_names(data.labels)
    counts, images, crowds = Counter(dict.fromkeys(names, 0)), 0, 0
    for record in itertools.islice(data.records, _most_counted(data)):
        counts.update(names[c] for c in record.classes[~record.is_crowd])
        images, crowds = images + 1, crowds + int(record.is_crowd.sum())
    return {
        "images": images,
        "of": data.num_images,
        "objects": counts.total(),
        "crowds": crowds,
        "classes": dict(counts),
    }


def _training_batches(config, data):
    """A dataset of one augmented training batch, another one each time it is iterated.

    It draws from a sample of the images: what a whole data set holds in memory is not held twice.
    """
    if data.is_in_memory:
        usable = np.flatnonzero(data.records.has_objects | config.data.empty_images)
        places = np.linspace(0, len(usable) - 1, min(_SAMPLE, len(usable))).round().astype(int)
        data = replace(data, records=data.records.some(usable[places].tolist()))
    return training_views(config, data, config.train.batch_size, config.train.seed)


def _at_most(picture, width):
    """The picture, scaled down where it is wider than `width` pixels."""
    scale = min(1.0, width / picture.shape[1])
    return resize(picture, (round(picture.shape[0] * scale), round(picture.shape[1] * scale)))
