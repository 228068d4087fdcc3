"""A detector that answers whatever it finds, however unsure: the shared run is hardly trained."""

from dataclasses import replace

import pytest

import yolact_tf
from yolact_tf.images.decoding import read_image


@pytest.fixture(scope="session")
def run(shapes_run):
    """The shared run as a Run."""
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="session")
def detector(run):
    """A Detector on it without a score threshold."""
    settings = replace(run.config.detect, score_threshold=0.0)
    return yolact_tf.Detector(replace(run, config=replace(run.config, detect=settings)))


@pytest.fixture(scope="session")
def image(shapes_data):
    """A validation image."""
    return read_image(sorted((shapes_data / "images").glob("val_*"))[0])
