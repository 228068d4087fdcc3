from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.data.record import Record, xywh_of
from yolact_tf.detect.detections import Detections
from yolact_tf.draw.instances import color_of
from yolact_tf.train.watch.validation_pictures import (
    ValidationSample,
    prototype_picture,
    truth_beside_detections,
)

HEIGHT, WIDTH = 100, 200
LABELS = {4: "nut"}
IMAGE = np.full((HEIGHT, WIDTH, 3), 90, "uint8")


def record(is_crowd=False):
    """One object: the pixels 50..150 across and 20..60 down."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[20:60, 50:150] = True
    flat = mask.T.ravel()
    flips = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *flips, len(flat)]).astype("int32")
    box = np.array([[0.25, 0.2, 0.75, 0.6]], "float32")
    classes, crowds = np.zeros(1, "int32"), np.array([is_crowd])
    return Record(
        1, "a.png", HEIGHT, WIDTH, box, classes, crowds, np.array([1.0]), (runs,), xywh_of(box, HEIGHT, WIDTH)
    )


def found(score):
    """A detection of the right half."""
    masks = np.zeros((1, 32, 32), "float32")
    masks[:, :, 16:] = 1
    return Detections(
        image_size=(HEIGHT, WIDTH),
        boxes=np.array([[100, 0, 200, 100]], "float32"),
        scores=np.array([score], "float32"),
        class_ids=np.array([4]),
        class_names=("nut",),
        mask_probabilities=masks,
        prototypes=np.ones((32, 32, 3), "float32"),
    )


def test_truth_is_left_and_detections_are_right():
    picture = truth_beside_detections(IMAGE, record(), found(0.9), LABELS)
    assert picture.shape == (160, 320 + 6 + 320, 3)
    truth, detections = picture[:, :320], picture[:, 326:]
    assert (truth[50:90, 90:230] != 90).any(2).all() and (truth[110:] == 90).all()
    assert (detections[30:, 170:] != 90).any(2).all() and (detections[:, :140] == 90).all()


def test_truth_and_detections_of_a_class_have_its_colour():
    picture = truth_beside_detections(IMAGE, record(), found(0.9), LABELS).astype(int)
    tint = np.array(color_of(4)) - 90
    for inside in (picture[70, 160], picture[130, 326 + 240]):
        assert_allclose(inside - 90, 0.45 * tint, atol=1)


def test_detections_of_given_pixels_are_shown_where_they_are():
    one = found(0.9)
    picture = truth_beside_detections(IMAGE, record(), one, LABELS)
    given = replace(one, given_windows=tuple(one.windows))
    assert_array_equal(truth_beside_detections(IMAGE, record(), given, LABELS), picture)


def test_what_scores_little_is_not_shown():
    picture = truth_beside_detections(IMAGE, record(), found(0.3), LABELS)
    assert (picture[:, 326:] == 90).all()


def test_crowds_are_named_as_such():
    alone = truth_beside_detections(IMAGE, record(), found(0), LABELS)
    crowd = truth_beside_detections(IMAGE, record(is_crowd=True), found(0), LABELS)
    assert (crowd[:32] != 90).sum() > 1.5 * (alone[:32] != 90).sum()


def test_prototypes_are_tiles_beside_the_image():
    prototypes = np.zeros((24, 24, 4), "float32")
    prototypes[:, 12:, 1] = 5e-3
    prototypes[:, :, 2] = 7
    picture = prototype_picture(IMAGE, prototypes)
    assert picture.shape == (96 + 6 + 96, 3 * 96 + 2 * 6, 3)
    assert (picture[:96, :96] == 90).all()
    dark, bright = picture[0, 102], picture[0, 299]
    assert dark.tolist() == [68, 1, 84]  # viridis begins
    assert bright.tolist() == [253, 231, 36]  # and ends here
    assert_array_equal(picture[:96, 102:198], np.broadcast_to(dark, (96, 96, 3)))  # all zeros
    assert_array_equal(picture[102:, :96], np.broadcast_to(bright, (96, 96, 3)))


def test_a_sample_follows_each_validation_anew():
    seen = []
    sample = ValidationSample(7, LABELS, 3, lambda *numbers: seen.append(numbers))
    for score, lost in ((0.0, ()), (0.9, ()), (0.0, (0, 4)), (0.9, (6,))):
        for number in range(7):
            if number not in lost:
                sample.observe(record(), IMAGE + np.uint8(number), found(score))
            sample.count(number + 1, 7)
        # The first, the middle and the last; what is drawn on them is of this validation.
        shown = [90 + number for number in (0, 3, 6) if number not in lost]
        assert [pair[-1, 0, 0] for pair in sample.pairs] == shown
        assert (sample.pairs[0][80, 600] != shown[0]).any() == (score > 0)
        assert sample.prototypes.shape == (198, 198, 3)
    assert seen == [(number, 7) for number in range(1, 8)] * 4


def test_a_sample_of_few_images_is_all_of_them():
    sample = ValidationSample(2, LABELS, 16)
    for done in (1, 2):
        sample.observe(record(), IMAGE, found(0))
        sample.count(done, 2)
    assert len(sample.pairs) == 2
