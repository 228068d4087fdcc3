import numpy as np
import pytest
from matplotlib.path import Path as Outline
from numpy.testing import assert_array_equal

from yolact_tf.detect.polygons import Polygon, polygons_of
from yolact_tf.mask_windows import place_window

SIZE = (40, 50)


def filled(polygons, image_size=SIZE):
    """[H, W] bool: the pixels whose centre lies in an odd number of rings."""
    y, x = np.mgrid[: image_size[0], : image_size[1]] + 0.5
    points = np.stack([x.ravel(), y.ravel()], 1)
    mask = np.zeros(image_size, bool)
    for polygon in polygons:
        for ring in (polygon.outline, *polygon.holes):
            closed = np.concatenate([ring, ring[:1]])
            mask ^= Outline(closed).contains_points(points).reshape(image_size)
    return mask


def area(ring):
    """Square pixels, negative where it runs clockwise in coordinates that rise."""
    x, y = ring.T
    return (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def blobs(seed):
    """A window of smooth shapes with parts and holes."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:30, :36]
    waves = rng.uniform((0.1, 0.1, 0), (0.5, 0.5, 6), (4, 3))
    return 4, 7, sum(np.sin(a * x + b * y + c) for a, b, c in waves) > 0.3


@pytest.mark.parametrize("seed", range(10))
def test_what_lies_in_the_polygons_is_the_mask(seed):
    window = blobs(seed)
    assert_array_equal(filled(polygons_of(window)), place_window(*window, SIZE))


def test_parts_have_their_own_holes():
    mask = np.zeros((20, 40), bool)
    mask[2:14, 2:14] = mask[2:18, 20:38] = True
    mask[5:8, 5:8] = mask[5:8, 23:26] = mask[10:15, 30:35] = False
    mask[12, 32] = True  # an island in a hole is a part
    first, *others = sorted(polygons_of((0, 0, mask)), key=lambda polygon: polygon.outline[:, 0].min())
    assert len(first.holes) == 1 and len(others) == 2
    assert sorted(len(polygon.holes) for polygon in others) == [0, 2]
    for polygon in (first, *others):
        assert all(np.sign(area(hole)) == -np.sign(area(polygon.outline)) for hole in polygon.holes)


def test_one_pixel_is_a_diamond_around_its_centre():
    (polygon,) = polygons_of((3, 5, np.ones((1, 1), bool)))
    assert {tuple(point) for point in polygon.outline} == {(5, 3.5), (5.5, 3), (6, 3.5), (5.5, 4)}


def test_an_empty_mask_has_no_parts():
    assert polygons_of((0, 0, np.zeros((5, 5), bool))) == polygons_of((2, 2, np.zeros((0, 0), bool))) == []


@pytest.mark.parametrize("seed", range(10))
def test_simplified_polygons_differ_by_pixels_at_the_border_alone(seed):
    y, x, mask = window = blobs(seed)
    polygons = polygons_of(window)
    simple = [polygon.simplified(0.5) for polygon in polygons]
    whole = place_window(y, x, mask, SIZE)
    around = np.pad(whole, 1)
    neighbours = [around[1 + dy : 41 + dy, 1 + dx : 51 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    at_border = np.any(neighbours, 0) & ~np.all(neighbours, 0)
    assert not ((filled(simple) != whole) & ~at_border).any()


@pytest.mark.parametrize("seed", range(10))
def test_below_the_distance_of_pixels_from_the_lines_all_stay(seed):
    window = blobs(seed)
    polygons = polygons_of(window)
    simple = [polygon.simplified(0.35) for polygon in polygons]
    assert_array_equal(filled(simple), place_window(*window, SIZE))
    count, before = (sum(len(p.outline) for p in found) for found in (simple, polygons))
    assert count < 0.6 * before


def test_a_rectangle_becomes_its_corners():
    (polygon,) = polygons_of((0, 0, np.ones((20, 30), bool)))
    assert len(polygon.outline) == 100 and len(polygon.simplified(0.35).outline) == 8
    assert abs(area(polygon.simplified(0.35).outline)) == 600 - 4 / 8


def test_what_is_smaller_than_the_tolerance_stays():
    (polygon,) = polygons_of((3, 5, np.ones((1, 1), bool)))
    assert_array_equal(polygon.simplified(5).outline, polygon.outline)
    ring = Polygon(np.array([[0.0, 0], [9, 0], [9, 9], [0, 9]]), (polygon.outline - 1,))
    assert len(ring.simplified(0.5).holes) == 1
