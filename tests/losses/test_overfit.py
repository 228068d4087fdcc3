"""Two images by heart: each way to learn is one."""

import keras
import numpy as np
import pytest

from tests.losses.test_objective import MODERN, config_of, ground_truth
from yolact_tf.losses.objective import YolactLoss
from yolact_tf.model import build_yolact

STEPS = 40


def learn(settings):
    """{name: [first steps' mean, last steps' mean]} of the parts of the loss."""
    keras.utils.set_random_seed(0)
    config, truth = config_of(*settings), ground_truth()
    colors = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220]], "float32")[truth["classes"]]  # [B, G, 3]
    masks = np.array(truth["masks"], "float32").repeat(4, 2).repeat(4, 3)
    images = 90 + np.einsum("bgyx,bgc->byxc", masks, colors - 90)
    model = build_yolact(config)
    model.compile(keras.optimizers.Adam(3e-3), YolactLoss(config))
    logs = [model.train_on_batch(images, truth, return_dict=True) for _ in range(STEPS)]
    values = {name: [step[name] for step in logs] for name in logs[0]}
    assert np.isfinite(list(values.values())).all() and not any(values["skipped_steps"])
    return {name: (np.mean(steps[:3]), np.mean(steps[-3:])) for name, steps in values.items()}


@pytest.mark.whole
@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (["loss.class_loss=sigmoid_focal"], ["class_loss"]),
        (["loss.box_loss=giou", "data.mask_scale=2"], ["box_loss", "mask_loss"]),
        (MODERN, ["box_loss", "mask_loss"]),
    ],
)
def test_some_steps_on_two_images_lower_the_loss(settings, parts):
    found = learn(settings)
    assert found["loss"][1] < 0.7 * found["loss"][0], found
    for part in parts:
        assert found[part][1] < 0.9 * found[part][0], found
