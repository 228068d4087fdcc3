"""Shared fixtures: the reference's numbers, real images, and a small run with its artefacts."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def parity():
    """Loads a fixture computed by the original implementation: parity("loss") -> npz mapping."""
    folder = SHARED / "parity"
    if not folder.is_dir():
        pytest.skip("needs ../shared/parity, numbers of the original implementation")
    return lambda name: np.load(folder / f"{name}.npz")


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data sets."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data, real images with COCO annotations")
    return folder


@pytest.fixture(scope="session")
def shapes_data(tmp_path_factory):
    """A small drawn data set: 24 training and 4 validation images of 128 px."""
    from yolact_tf.data.synthetic.shapes import make_shapes

    folder = tmp_path_factory.mktemp("shapes") / "data"
    return make_shapes(folder, train_images=24, val_images=4, image_size=128, max_objects=4)


@pytest.fixture(scope="session")
def shapes_shards(shapes_data, tmp_path_factory):
    """Folder of TFRecord shards of `shapes_data`."""
    from yolact_tf.data.shards.writer import write_records

    folder = tmp_path_factory.mktemp("shapes") / "shards"
    write_records(shapes_data, folder, shards=3)
    return folder


@pytest.fixture(scope="session")
def small_settings():
    """Overrides that make `tiny_256` small enough to train for a few steps in a test."""
    return (
        "data.image_size=128",
        "data.max_objects=8",
        "anchors.sizes=12,24,48,96,128",
        "model.pyramid_channels=32",
        "model.prototype_channels=16",
        "model.head_channels=32",
        "model.num_prototypes=8",
        "detect.max_detections=20",
        "detect.max_candidates=50",
    )


@pytest.fixture(scope="session")
def shapes_run(shapes_data, small_settings, tmp_path_factory):
    """Folder of a run of a small model, trained for two short epochs on `shapes_data`."""
    from yolact_tf.recipes import load_config
    from yolact_tf.train.trainer import train

    folder = tmp_path_factory.mktemp("runs") / "shapes"
    settings = (*small_settings, "train.epochs=2", "train.images_per_epoch=160", "train.validate_every=1")
    train(load_config("tiny_256", settings), shapes_data, folder)
    return folder


@pytest.fixture(scope="session")
def plus_run(shapes_data, small_settings, tmp_path_factory):
    """Folder of a run of a small YOLACT++: large enough for its mask rescorer, hardly trained."""
    from yolact_tf.recipes import load_config
    from yolact_tf.train.trainer import train

    folder = tmp_path_factory.mktemp("runs") / "plus"
    settings = (
        *small_settings,
        *("model.mask_rescoring=true", "data.image_size=256", "anchors.sizes=24,48,96,192,256"),
        *("train.epochs=1", "train.images_per_epoch=48"),
    )
    train(load_config("tiny_256", settings), shapes_data, folder)
    return folder


@pytest.fixture(scope="session")
def saved_model(shapes_run, tmp_path_factory):
    """PATH of `shapes_run` exported for TF Serving."""
    from yolact_tf.export import to_saved_model
    from yolact_tf.runs import load_run

    return to_saved_model(load_run(shapes_run), tmp_path_factory.mktemp("export") / "shapes")


@pytest.fixture(scope="session")
def litert_file(shapes_run, tmp_path_factory):
    """`shapes_run` exported as a float32 .tflite."""
    from yolact_tf.export import to_litert
    from yolact_tf.runs import load_run

    return to_litert(load_run(shapes_run), tmp_path_factory.mktemp("export") / "shapes.tflite")
