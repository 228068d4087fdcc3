from dataclasses import replace

import numpy as np
import pytest

import yolact_tf
from tests.explain.made import detections
from yolact_tf.explain.prototype_figure import prototype_figure


@pytest.fixture(scope="module")
def found(detector, image):
    return detector(image)


@pytest.mark.whole
def test_one_image_gets_a_part_for_its_prototypes_and_one_for_each_detection(found, image):
    heights = [prototype_figure([image], [found[:count]], [""]).shape[0] for count in (1, 2, 3)]
    assert heights[2] - heights[1] == heights[1] - heights[0] > 300
    assert prototype_figure([image], [found[:1]], [""]).shape[1:] == (1400, 3)


def test_several_images_stand_below_one_another(found, image):
    two, three = (prototype_figure([image] * n, [found[:0]] * n, ["a.jpg"] * n) for n in (2, 3))
    assert three.shape[0] > two.shape[0] + 100


def test_where_nothing_is_found_prototypes_are_still_shown(found, image):
    alone = prototype_figure([image], [found[:0]], [""])
    assert alone.shape[0] > 200 and (alone != 255).any()


@pytest.mark.whole
@pytest.mark.parametrize("size", [(40, 400), (400, 40), (1, 1)])
def test_images_of_any_shape(detector, size):
    picture = np.full((*size, 3), 120, "uint8")
    assert prototype_figure([picture], [detector(picture)[:1]], [""]).shape[1] == 1400


def test_an_artefact_that_tells_prototypes_shows_the_same(explore_file, detector, image):
    artefact = yolact_tf.Detector.from_artefact(explore_file)
    strong = artefact(image)[:1]
    assert len(strong) == 1
    ours = prototype_figure([image], [strong], [""]).astype(int)
    of_run = prototype_figure([image], [detector(image)[:1]], [""]).astype(int)
    assert ours.shape == of_run.shape and np.abs(ours - of_run).mean() < 1


def test_masks_alone_are_refused(image):
    found = replace(detections((1, 0.9, 0, 0, 9, 9)), image_size=image.shape[:2])
    with pytest.raises(ValueError, match="Received one that tells masks alone"):
        prototype_figure([image], [found], [""])
