"""Which recipe suits which data on which machine: one table."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from yolact_tf.choose.data_look import DataLook
from yolact_tf.model.backbones.efficientnet_lite import PACKAGE

_MANY_IMAGES = 20_000  # with fewer a large network learns them by heart


class Machine(NamedTuple):
    """What there is to train with."""

    has_gpu: bool
    has_imagenet: bool  # the package with weights of `efficientnet_lite0`


class Rule(NamedTuple):
    """A recipe, when it is taken, and why, to be read after its name."""

    recipe: str
    holds: Callable[[DataLook, Machine], bool]
    reason: str


# The first that holds decides.
RULES = (
    Rule(
        "resnet50_550",
        lambda look, machine: machine.has_gpu and look.num_images >= _MANY_IMAGES,
        "so many images can teach a large network, and there is a GPU; named with --weights FILE it starts "
        "from published weights",
    ),
    Rule(
        "small_data_320",
        lambda look, machine: look.is_grey,
        "grey images, such as a microscope's, are nothing that ImageNet's weights know, so that it starts "
        "from random ones; small_data_lite0_320 is for grey photographs",
    ),
    Rule(
        "small_data_320",
        lambda look, machine: not machine.has_imagenet,
        "from random weights; with pip install 'yolact_tf[pretrained]' photographs would start from "
        "ImageNet's in small_data_lite0_320",
    ),
    Rule(
        "small_data_lite0_320",
        lambda look, machine: True,
        "weights trained on ImageNet know photographs; small_data_320 is for what is none",
    ),
)


def rule_for(look: DataLook, machine: Machine) -> Rule:
    """The Rule of a DataLook on a Machine."""
    return next(rule for rule in RULES if rule.holds(look, machine))


def this_machine() -> Machine:
    """The Machine that this is. No framework takes a device by that."""
    import keras
    import tensorflow as tf

    has_gpu = bool(tf.config.list_physical_devices("GPU"))
    if keras.backend.backend() == "jax":
        # To ask JAX would start it before it may hear of other hosts.
        has_gpu = has_gpu or Path("/dev/nvidiactl").exists()
    return Machine(has_gpu, importlib.util.find_spec(PACKAGE) is not None)
