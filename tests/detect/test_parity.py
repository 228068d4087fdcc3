"""Detections against the original's, from weights that both compute by formula."""

import numpy as np
import pytest

from tests.reference import (
    FORWARDS,
    WHOLE_IMAGES,
    assert_detections_equal,
    assert_found_in_image,
    first_alone,
    formula_run,
)
from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.detect.detector import Detector


@pytest.mark.parametrize("reference", first_alone(FORWARDS))
def test_detections_of_the_network_input_equal_the_reference(parity, reference):
    numbers = parity(f"forward_{reference}")
    run = formula_run(reference)
    found = DetectionModel(run.model, run.config)(numbers["image_rgb"][None])
    found = {name: np.asarray(found[name])[0] for name in ("boxes", "scores", "classes")}
    assert_detections_equal(found, numbers)


@pytest.mark.parametrize("reference", first_alone(WHOLE_IMAGES))
def test_detections_in_an_image_equal_the_reference(parity, reference):
    numbers = parity(f"e2e_{reference}")
    assert_found_in_image(Detector(formula_run(reference))(numbers["image_rgb"]), numbers)
