"""How masks come to the size of their image is part of a model: what is exported of it does the same."""

import numpy as np
import pytest

import yolact_tf
from yolact_tf.config import ExportRecipe
from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.export import export_run
from yolact_tf.export.signature_outputs import answers
from yolact_tf.export.verify import verify
from yolact_tf.images.decoding import read_image

pytestmark = pytest.mark.whole
SET = ["detect.mask_upsampling=logits", "detect.disjoint=true"]


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run, SET)


@pytest.fixture(scope="module")
def image(shapes_data):
    return read_image(sorted((shapes_data / "images").glob("val_*"))[0])


@pytest.mark.parametrize(
    "recipe, name",
    [
        (ExportRecipe("saved_model", max_pixels=1_000_000), "model"),
        (ExportRecipe("litert"), "model.tflite"),
        (ExportRecipe("litert", outputs="heads"), "model.tflite"),
    ],
)
def test_artefacts_enlarge_masks_as_their_run_does(recipe, name, run, image, tmp_path):
    path = export_run(run, recipe, tmp_path / name)
    detector = yolact_tf.Detector.from_artefact(path)
    assert detector.engine.mask_options == MaskOptions("logits", True)
    found = detector(image)
    assert len(found) and found.masks.sum(0).max() == 1
    rows, count = verify(path, run, [image])
    assert count and all(row.passes for row in rows), rows


def test_the_graph_that_answers_bytes_enlarges_logits(run, image, tmp_path, shapes_run):
    path = export_run(run, ExportRecipe("saved_model", max_pixels=1_000_000), tmp_path / "model")
    engine = yolact_tf.Detector.from_artefact(path).engine
    smooth = answers(engine, image)["serving_default"]
    coarse = yolact_tf.Detector(yolact_tf.load_run(shapes_run))(image)[: len(smooth)]
    differs = [(a != b).sum() for a, b in zip(smooth.masks, coarse.masks, strict=True)]
    assert np.sum(differs) > 0
