"""What a recipe leaves open, chosen once: a run goes on with what it began with, on any machine."""

import dataclasses
import logging

from yolact_tf.config import Config
from yolact_tf.data.split import Split
from yolact_tf.fields import AUTO
from yolact_tf.train.batch_size import largest_batch
from yolact_tf.train.freezing import batch_norm_freezing

logger = logging.getLogger(__name__)


def with_choices(config: Config, data: Split, known: Config | None) -> Config:
    """`config` with what it leaves to the data, and to the machine or to `known`, the recipe of a run that
    goes on."""
    # A run that goes on needs no weights to start from, and they may be gone.
    weights = (known or config).model.backbone_weights
    model = dataclasses.replace(config.model, num_classes=len(data.labels), backbone_weights=weights)
    config, train = dataclasses.replace(config, model=model), config.train
    if known and train.freeze_batch_norm == "auto":
        train = dataclasses.replace(train, freeze_batch_norm=known.train.freeze_batch_norm)
    if train.batch_size == AUTO:
        batch_size = known.train.batch_size if known else largest_batch(config, data.num_images)
        if not known:
            logger.warning("train.batch_size=%d fits into memory", batch_size)
        train = dataclasses.replace(train, batch_size=batch_size)
    return dataclasses.replace(config, train=train)


def with_devices(config: Config, num_devices: int) -> Config:
    """`config` with what it leaves to the number of devices, which may change when a run goes on."""
    train = config.train
    batch_norm = batch_norm_freezing(train.freeze_batch_norm, train.known_batch_size // num_devices)
    return dataclasses.replace(config, train=dataclasses.replace(train, freeze_batch_norm=batch_norm))
