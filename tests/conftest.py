"""Shared fixtures: the reference's numbers, real images, and a small run with its artefacts.

What takes long to make is made once for all workers (`build_once`), so that no test may change it.
"""

import logging
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

SHARED = Path(__file__).resolve().parents[2] / "shared"
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
# LiteRT looks for a GPU once a process: what asks first must find the software GPU that others need.
if SWIFTSHADER.is_file():
    os.environ.setdefault("VK_ICD_FILENAMES", str(SWIFTSHADER))
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")


# TensorFlow knows functions by where they lie in memory. Of all the detectors in a process some lie where
# others did, and it warns of one function that is traced again and again.
logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


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
def build_once(tmp_path_factory, worker_id):
    """build_once(name, make) -> the path of that name, filled by `make(path)` in the first worker."""
    base = tmp_path_factory.getbasetemp()
    root = (base if worker_id == "master" else base.parent) / "built"
    root.mkdir(exist_ok=True)

    def build(name, make):
        path, done = root / name, root / f"{name}.done"
        with FileLock(root / f"{name}.lock"):
            if not done.exists():
                make(path)
                done.touch()
        return path

    return build


@pytest.fixture(scope="session")
def shapes_data(build_once):
    """A small drawn data set: 24 training and 4 validation images of 128 px."""
    from yolact_tf.data.synthetic.shapes import make_shapes

    settings = {"train_images": 24, "val_images": 4, "image_size": 128, "max_objects": 4}
    return build_once("shapes", lambda folder: make_shapes(folder, **settings))


@pytest.fixture(scope="session")
def shapes_shards(shapes_data, build_once):
    """Folder of TFRecord shards of `shapes_data`."""
    from yolact_tf.data.shards.writer import write_records

    return build_once("shapes_shards", lambda folder: write_records(shapes_data, folder, shards=3))


@pytest.fixture(scope="session")
def hub_preset(build_once):
    """A folder with a small ResNet of KerasHub as a preset."""
    pytest.importorskip("keras_hub")
    from tests.model.hub_presets import resnet, save

    return build_once("hub_preset", lambda folder: save(resnet(), folder))


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
def shapes_run(shapes_data, small_settings, build_once):
    """Folder of a run of a small model, trained for two short epochs on `shapes_data`: until it finds
    something, wherever its random start lies."""
    from yolact_tf.recipes import load_config
    from yolact_tf.train.trainer import train

    settings = (
        *small_settings,
        *("data.expand=1", "data.sample_crop=false", "data.photometric=false"),
        *("train.epochs=2", "train.images_per_epoch=640", "train.validate_every=1"),
    )
    return build_once("run", lambda folder: train(load_config("tiny_256", settings), shapes_data, folder))


@pytest.fixture(scope="session")
def plus_run(shapes_data, small_settings, build_once):
    """Folder of a run of a small YOLACT++: large enough for its mask rescorer, trained until it finds
    something."""
    from yolact_tf.recipes import load_config
    from yolact_tf.train.trainer import train

    settings = (
        *small_settings,
        *("model.mask_rescoring=true", "data.image_size=256", "anchors.sizes=24,48,96,192,256"),
        *("data.expand=1", "data.sample_crop=false", "data.photometric=false"),
        *("train.epochs=1", "train.images_per_epoch=480"),
    )
    return build_once(
        "plus_run", lambda folder: train(load_config("tiny_256", settings), shapes_data, folder)
    )


@pytest.fixture(scope="session")
def saved_model(shapes_run, build_once):
    """PATH of `shapes_run` exported for TF Serving, for images of at most a million pixels."""
    from yolact_tf.config import ExportRecipe
    from yolact_tf.export import export_run
    from yolact_tf.runs import load_run

    recipe = ExportRecipe(format="saved_model", max_pixels=1_000_000)
    return build_once("saved_model", lambda path: export_run(load_run(shapes_run), recipe, path))


@pytest.fixture(scope="session")
def litert_file(shapes_run, build_once):
    """`shapes_run` exported as a float32 .tflite."""
    from yolact_tf.export import to_litert
    from yolact_tf.runs import load_run

    return build_once("shapes.tflite", lambda path: to_litert(load_run(shapes_run), path))


@pytest.fixture(scope="session")
def exported(shapes_run, build_once):
    """exported(recipe) -> `shapes_run` as what further export recipes make of it."""
    names = {"openvino": "openvino", "onnx": "shapes.onnx"}

    def build(recipe):
        from yolact_tf.export import export_run
        from yolact_tf.recipes import load_export_recipe
        from yolact_tf.runs import load_run

        if recipe in ("onnx", "openvino"):
            pytest.importorskip({"onnx": "tf2onnx"}.get(recipe, recipe))
        make = lambda path: export_run(load_run(shapes_run), load_export_recipe(recipe), path)
        return build_once(names.get(recipe, f"{recipe}.tflite"), make)

    return build


@pytest.fixture(scope="session")
def explore_file(shapes_run, build_once):
    """`shapes_run` as a .tflite with prototypes and coefficients."""
    from yolact_tf.export import to_litert
    from yolact_tf.runs import load_run

    make = lambda path: to_litert(load_run(shapes_run), path, "explore")
    return build_once("explore.tflite", make)
