"""Every kind of model, shown images of every shape, alone and together, finds what the run finds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.detect.opening import open_detector
from yolact_tf.export.verify import compare
from yolact_tf.images.decoding import read_image

FIXTURES = ("shapes_run", "saved_model", "litert_file", "explore_file")
WHOLE = ("explore_file", "litert_heads", "onnx", "openvino")
KINDS = [*FIXTURES[:3], *(pytest.param(kind, marks=pytest.mark.whole) for kind in WHOLE)]
# Of one pixel, of one row, thin, and larger than the input.
EXTREMES = [(1, 1), (1, 900), (900, 1), (2, 3000), (500, 30), (33, 400), (640, 480)]


@pytest.fixture(scope="module", params=KINDS)
def detector(request):
    is_fixture = request.param in FIXTURES
    value = request.getfixturevalue(request.param if is_fixture else "exported")
    return open_detector(value if is_fixture else value(request.param))


@pytest.fixture(scope="module")
def run(shapes_run):
    return open_detector(shapes_run)


@pytest.fixture(scope="module")
def scenes(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]


def stretched(image, shape):
    """`image` brought to another height and width by its nearest pixels."""
    rows, columns = (np.arange(n) * m // n for n, m in zip(shape, image.shape[:2], strict=True))
    return image[rows][:, columns]


@pytest.mark.whole
def test_images_of_all_shapes_in_one_list_are_found_as_one_by_one(detector, run, scenes):
    images = [stretched(scenes[0], shape) for shape in EXTREMES]
    # One size again and again, also apart, beside others.
    images = [scenes[0], *images, scenes[1], scenes[2], scenes[0][:, :77], scenes[3]]
    together = detector(images)
    assert [found.image_size for found in together] == [image.shape[:2] for image in images]
    assert sum(map(len, together)) > 0
    for image, found in zip(images, together, strict=True):
        assert found.masks.shape == (len(found), *image.shape[:2])
        height, width = image.shape[:2]
        assert (found.boxes >= 0).all() and (found.boxes <= [width, height, width, height]).all()
        for other in (detector(image), run(image)):
            rows = compare(other, found)
            assert all(row.passes for row in rows), (image.shape, rows)


def test_the_same_scores_boxes_classes_and_masks_as_the_run(detector, run, scenes):
    """As `compare` says, but number by number, for what is well above the threshold."""
    count = 0
    for expected, found in zip(run(scenes), detector(scenes), strict=True):
        expected, found = expected.above(0.1), found.above(0.1)
        count += len(expected)
        assert expected.class_names == found.class_names
        assert_array_equal(expected.class_ids, found.class_ids)
        assert_allclose(found.scores, expected.scores, atol=1e-4)
        assert_allclose(found.boxes, expected.boxes, atol=0.01)
        assert_allclose(found.mask_probabilities, expected.mask_probabilities, atol=1e-3)
        assert np.count_nonzero(found.masks != expected.masks) <= 1e-4 * expected.masks.size
    assert count > 0


def test_gray_images_are_those_of_three_equal_channels(detector, scenes):
    gray = scenes[0][..., 1]
    expected = detector(np.repeat(gray[..., None], 3, 2))
    for image in (gray, gray[..., None]):
        found = detector([image, scenes[1]])[0]
        assert_allclose(found.boxes, expected.boxes, atol=1e-3)
        assert_array_equal(found.class_ids, expected.class_ids)


def test_no_images_are_no_detections(detector):
    assert detector([]) == detector(()) == detector.engine.batch([]) == []


def test_an_array_that_cannot_be_written_is_read(detector, scenes):
    """As those of Pillow, memory maps and video frames; and rows that lie apart."""
    read_only = scenes[0].copy()
    read_only.flags.writeable = False
    mirrored = scenes[0][:, ::-1]
    expected = detector([scenes[0], mirrored.copy()])
    for found, other in zip(detector([read_only, mirrored]), expected, strict=True):
        assert_allclose(found.boxes, other.boxes, atol=1e-3)
