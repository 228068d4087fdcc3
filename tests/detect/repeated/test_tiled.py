"""Large images in tiles: what a seam cuts comes out once, and what merely touches stays apart."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import yolact_tf
from tests.detect.colour_detector import ColourDetector, painted
from yolact_tf.data.synthetic.scenes import arrange
from yolact_tf.detect.repeated import TiledDetector


def masks_by_colour(found, image):
    """{red of the picture: mask} of what was found; each colour once."""
    reds = [int(image[mask][0, 0]) for mask in found.masks]
    assert len(set(reds)) == len(reds)
    return dict(zip(reds, found.masks, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 6])  # in others one is hidden but for two parts far apart
@pytest.mark.parametrize(("tile", "overlap"), [(96, 0.25), (64, 0.5), (150, 0.1)])
def test_every_object_of_a_crowd_comes_out_once_with_all_its_pixels(seed, tile, overlap):
    stamps, owner = arrange(np.random.default_rng(seed), 300, 400, 15, 30)
    image = painted(owner, [stamp.class_index for stamp in stamps])
    found = TiledDetector(ColourDetector(), tile, overlap, smaller_copies=False)(image)
    assert len(found) == len(stamps) == len(np.unique(owner)) - 1
    for red, mask in masks_by_colour(found, image).items():
        assert_array_equal(mask, owner == red)


def test_boxes_classes_and_scores_are_those_of_whole_objects():
    stamps, owner = arrange(np.random.default_rng(1), 300, 400, 15, 30)
    image = painted(owner, [stamp.class_index for stamp in stamps])
    expected, found = ColourDetector()(image), TiledDetector(ColourDetector(), 96, 0.25, False)(image)
    order = np.lexsort(expected.boxes.T), np.lexsort(found.boxes.T)
    assert_array_equal(expected.boxes[order[0]], found.boxes[order[1]])
    assert_array_equal(expected.class_ids[order[0]], found.class_ids[order[1]])
    assert (found.scores == np.float32(0.9)).all()


def test_an_object_that_spans_all_tiles_is_one():
    owner = np.zeros((500, 500), int)
    owner[20:480, 20:480] = 1
    owner[120:380, 120:380] = 0
    found = TiledDetector(ColourDetector(), 100, 0.2, smaller_copies=False)(painted(owner, [3]))
    assert len(found) == 1
    assert_array_equal(found.masks[0], owner == 1)
    assert_array_equal(found.boxes, [[20, 20, 480, 480]])


def test_touching_objects_of_one_class_stay_two_where_one_seam_cuts_both():
    owner = np.zeros((100, 200), int)
    owner[30:50, 60:140], owner[50:70, 60:140] = 1, 2
    found = TiledDetector(ColourDetector(), 100, 0.2, smaller_copies=False)(painted(owner, [3, 3]))
    masks = masks_by_colour(found, painted(owner, [3, 3]))
    assert {red: int(mask.sum()) for red, mask in masks.items()} == {1: 1600, 2: 1600}


class Misled(ColourDetector):
    """Takes what it sees the left end of for class 9, unless it sees much of it."""

    def _find(self, image):
        found = super()._find(image)
        found.class_ids[found.boxes[:, 2] - found.boxes[:, 0] < 40] = 9
        return found


def test_parts_that_are_taken_for_another_class_are_parts_all_the_same():
    owner = np.zeros((100, 200), int)
    owner[30:50, 70:195] = 1  # of the left tile, which ends at 100, it fills 30
    found = TiledDetector(Misled(), 100, 0.2, smaller_copies=False)(painted(owner, [3]))
    assert found.class_ids.tolist() == [3]
    assert_array_equal(found.masks[0], owner == 1)


def test_long_objects_are_found_in_smaller_copies_and_short_ones_in_the_tiles():
    owner = np.zeros((400, 400), int)
    owner[40:360, 40:360] = 1
    owner[4:20, 4:20] = 2
    image = painted(owner, [3, 5])
    detector = ColourDetector()
    found = TiledDetector(detector, 100, 0.2)(image)
    # 5 x 5 tiles, then 3 x 3 of the half and 1 of the quarter.
    assert len(detector.sizes) == 25 + 9 + 1
    masks = masks_by_colour(found, image)
    # The edge of the large one is as fine as the tiles show it, though the copies are coarser.
    assert masks.keys() == {1, 2}
    for red, mask in masks.items():
        assert_array_equal(mask, owner == red)


def test_an_image_no_larger_than_a_tile_is_shown_as_it_is():
    owner = np.zeros((90, 100), int)
    owner[10:30, 20:50] = 1
    detector = ColourDetector()
    found = TiledDetector(detector, 100)(painted(owner, [1]))
    assert detector.sizes == [(90, 100)] and len(found) == 1


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (33, 301), (300, 300)])
def test_nothing_is_found_in_nothing(size):
    found = TiledDetector(ColourDetector(), 32)(np.zeros((*size, 3), np.uint8))
    assert len(found) == 0 and found.masks.shape == (0, *size)


def test_lists_are_answered_by_lists_and_what_is_no_image_is_refused():
    tiled = TiledDetector(ColourDetector(), 32)
    assert [len(found) for found in tiled([np.zeros((40, 50, 3), np.uint8)] * 2)] == [0, 0]
    with pytest.raises(ValueError, match="An image must be"):
        tiled(np.zeros((40, 50, 3), np.float32))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((31,), "`tile` must be"),
        ((64.0,), "`tile` must be"),
        ((64, 1.0), "`overlap`"),
        ((64, -0.1), "`overlap`"),
    ],
)
def test_settings_that_make_no_tiles_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        TiledDetector(ColourDetector(), *settings)


@pytest.mark.whole
def test_a_networks_detections_lie_in_the_image(shapes_run):
    _, owner = arrange(np.random.default_rng(0), 200, 300, 10, 20)
    image = (owner[..., None] * np.array([11, 29, 53]) % 256).astype(np.uint8)
    detector = yolact_tf.Detector(yolact_tf.load_run(shapes_run))
    tiled = TiledDetector(detector, 128)
    found = tiled(image)
    assert tiled.labels == detector.labels and tiled.engine is detector.engine
    assert len(found) > 0
    assert (found.boxes >= 0).all() and (found.boxes <= [300, 200, 300, 200]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert len(found.to_coco(1)) == len(found)
