"""Model, targets, losses and detection on JAX, where there is no TensorFlow at all."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import yolact_tf
from tests.losses.test_objective import MODERN
from yolact_tf.fields import override
from yolact_tf.images.decoding import read_image

pytest.importorskip("jax")
pytestmark = pytest.mark.whole
ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys
from pathlib import Path


class NoTensorFlow:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoTensorFlow())
import keras
import numpy as np

import yolact_tf
import yolact_tf.share  # runs are pulled without it, too
from yolact_tf.detect.sinks.overlays import Overlays
from yolact_tf.detect.sinks.results import ResultsFile
from yolact_tf.detect.sources import find_sources
from yolact_tf.detect.writing import write_detections
from yolact_tf.fields import override

run_path, folder, image = map(Path, sys.argv[1:4])
settings = sys.argv[4:]
run = yolact_tf.load_run(run_path)
batch = np.load(folder / "batch.npz")
truth = {name: batch[name] for name in batch.files if name != "images"}
run.model.compile(loss=yolact_tf.YolactLoss(run.config))
losses = run.model.test_on_batch(batch["images"], truth, return_dict=True)

config = override(run.config, settings)
run.model.compile(keras.optimizers.SGD(1e-3), yolact_tf.YolactLoss(config))
steps = [run.model.train_on_batch(batch["images"], truth, return_dict=True) for _ in range(2)]
modern = {f"modern/{name}": [step[name] for step in steps] for name in steps[0]}
run = yolact_tf.load_run(run_path)

detector = yolact_tf.Detector(run)
sinks = [Overlays(find_sources(image), folder / "overlays"), ResultsFile(folder / "overlays")]
write_detections(detector.stream(image), sinks, lambda found: found.above(0.0, 5))
found = detector(batch["image"])
np.savez(
    folder / "jax.npz",
    scores=found.scores,
    boxes=found.boxes,
    masks=found.mask_probabilities,
    **losses,
    **modern,
)
assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
"""


@pytest.fixture(scope="module")
def example(shapes_run, shapes_data):
    """A run, one batch of its data, and an image of it."""
    run = yolact_tf.load_run(shapes_run)
    images, truth = next(iter(yolact_tf.build_dataset(run.config, shapes_data, "val")))
    image = next((shapes_data / "images").glob("val_*"))
    return run, images, truth, image


@pytest.fixture(scope="module")
def without_tensorflow(example, shapes_run, tmp_path_factory):
    """(folder, values): what the script wrote in a process of its own."""
    _, images, truth, image = example
    folder = tmp_path_factory.mktemp("jax")
    pixels = read_image(image)
    np.savez(folder / "batch.npz", images=images, image=pixels, **{k: np.array(v) for k, v in truth.items()})
    environment = {
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(ROOT),
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # compiles sooner
    }
    command = [sys.executable, "-c", SCRIPT, str(shapes_run), str(folder), str(image), *MODERN]
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder, np.load(folder / "jax.npz")


def test_losses_agree_with_tensorflow(example, without_tensorflow):
    run, images, truth, _ = example
    run.model.compile(loss=yolact_tf.YolactLoss(run.config))
    losses = run.model.test_on_batch(images, truth, return_dict=True)
    assert {"loss", "box_loss", "class_loss", "mask_loss", "semantic_loss"} < set(losses)
    for name, value in losses.items():
        assert float(without_tensorflow[1][name]) == pytest.approx(value, rel=1e-5), name


def test_the_first_compiled_step_of_other_losses_agrees_with_tensorflow(
    shapes_run, example, without_tensorflow
):
    _, images, truth, _ = example
    run = yolact_tf.load_run(shapes_run)
    run.model.compile(keras.optimizers.SGD(1e-3), yolact_tf.YolactLoss(override(run.config, MODERN)))
    losses = run.model.train_on_batch(images, truth, return_dict=True)
    for name, value in losses.items():
        found = without_tensorflow[1][f"modern/{name}"]
        assert found[0] == pytest.approx(value, rel=1e-5), name
        assert np.isfinite(found).all() and losses["skipped_steps"] == 0


def test_detections_agree_with_tensorflow(example, without_tensorflow):
    run, _, _, image = example
    folder, values = without_tensorflow
    found = yolact_tf.Detector(run)(read_image(image))
    assert len(found) > 0
    np.testing.assert_allclose(values["scores"], found.scores, atol=1e-4)
    np.testing.assert_allclose(values["boxes"], found.boxes, atol=0.05)
    np.testing.assert_allclose(values["masks"], found.mask_probabilities, atol=1e-3)
    assert (folder / "overlays" / "detections.json").is_file()
    assert list((folder / "overlays").glob("*.png"))
