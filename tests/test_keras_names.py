"""Saved models load where only the package was imported."""

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from numpy.testing import assert_array_equal

import yolact_tf
from yolact_tf import keras_names

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = """
import sys
import yolact_tf
import keras
model = keras.models.load_model(sys.argv[1])
assert type(model.loss) is yolact_tf.YolactLoss, model.loss
print(type(model).__name__, len(model.anchors), model.optimizer.name)
"""


@pytest.fixture(scope="module")
def model():
    settings = ("data.image_size=64", "anchors.sizes=8,16,24,32,64", "model.num_classes=3")
    config = yolact_tf.load_config("tiny_256", settings)
    model = yolact_tf.build_yolact(config)
    model.compile(yolact_tf.build_optimizer(config, 10), yolact_tf.YolactLoss(config))
    return model


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "model.keras"
    model.save(path)
    return path


@pytest.mark.whole
def test_a_fresh_process_that_imports_keras_after_the_package(file, model):
    # Keras' NumPy backend starts soonest.
    environment = os.environ | {"KERAS_BACKEND": "numpy", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(file)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["Yolact", str(len(model.anchors)), "finite_steps"]


# Keras says so of an optimizer that took no step.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_a_process_that_imports_keras_before_the_package(file, model, monkeypatch):
    # The registry as Keras alone has it, then what importing the package does.
    for name in keras_names.HOMES:
        monkeypatch.delitem(keras.saving.get_custom_objects(), f"yolact_tf>{name}", raising=False)
    with pytest.raises(TypeError, match="Could not locate class 'Yolact'"):
        keras.models.load_model(file)
    keras_names.tell_keras()
    loaded = keras.models.load_model(file)
    assert isinstance(loaded, type(model)) and isinstance(loaded.loss, yolact_tf.YolactLoss)
    assert_array_equal(loaded.anchors, model.anchors)


def test_every_registered_class_has_its_home_listed():
    for module in pkgutil.walk_packages(yolact_tf.__path__, "yolact_tf."):
        if module.name.startswith(("yolact_tf.model", "yolact_tf.train")):
            importlib.import_module(module.name)
    registry = keras.saving.get_custom_objects()
    registered = {name: value for name, value in registry.items() if name.startswith("yolact_tf>")}
    homes = {f"yolact_tf>{name}": f"yolact_tf.{home}" for name, home in keras_names.HOMES.items()}
    assert {name: value.__module__ for name, value in registered.items()} == homes
