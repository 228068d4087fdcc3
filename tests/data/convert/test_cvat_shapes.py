"""CVAT's shapes one by one: run lengths by rows, turned boxes, ellipses."""

import itertools
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.data.convert.made import HEIGHT, WIDTH, apart, instance, ring, square
from yolact_tf.data.convert.cvat_shapes import read_shape, shapes_of
from yolact_tf.data.convert.data_set import Picture
from yolact_tf.data.convert.regions import mask_of

PICTURE = Picture("a.png", "a.png", WIDTH, HEIGHT)


def read(text):
    return read_shape(ElementTree.fromstring(text), 1, (WIDTH, HEIGHT))


def mask(text):
    return mask_of(read(text), HEIGHT, WIDTH)


@pytest.mark.parametrize("pixels", [ring(), apart(), np.ones((HEIGHT, WIDTH), bool)])
def test_a_mask_survives(pixels):
    (shape,) = shapes_of(instance(pixels), PICTURE, "cat", itertools.count(1))
    assert shape.tag == "mask"
    assert_array_equal(mask_of(read_shape(shape, 1, (WIDTH, HEIGHT)), HEIGHT, WIDTH), pixels)


def test_run_lengths_go_along_the_rows_of_the_box_worked_by_hand():
    # In a box of 3 x 2: background, two of the object; one more in the next row, then background.
    pixels = mask('<mask label="cat" rle="1, 3, 2" left="10" top="5" width="3" height="2"/>')
    assert np.argwhere(pixels).tolist() == [[5, 11], [5, 12], [6, 10]]
    (shape,) = shapes_of(instance(pixels), PICTURE, "cat", itertools.count(1))
    assert {k: shape.get(k) for k in ("rle", "left", "top", "width", "height")} == {
        **{"rle": "1, 3, 2", "left": "10", "top": "5", "width": "3", "height": "2"}
    }


def test_only_several_polygons_need_a_group():
    groups = itertools.count(5)
    both = square(1, 1, 4, 4).polygons + square(6, 6, 9, 9).polygons
    (one,) = shapes_of(square(1, 1, 4.25, 4), PICTURE, "cat", groups)
    assert one.get("group_id") is None and one.get("points") == "1,1;4.25,1;4.25,4;1,4"
    two = shapes_of(type(square(0, 0, 1, 1))(1, polygons=both), PICTURE, "cat", groups)
    assert [shape.get("group_id") for shape in two] == ["5", "5"]


def test_a_box_is_its_pixels_and_may_be_turned():
    box = '<box label="cat" xtl="10" ytl="12" xbr="20" ybr="16" rotation="{}"/>'
    lying, standing = np.zeros((2, HEIGHT, WIDTH), bool)
    lying[12:16, 10:20] = standing[9:19, 13:17] = True
    assert_array_equal(mask(box.format(0)), lying)
    assert_array_equal(mask(box.format(90)), standing)
    assert_allclose(read(box.format(180)).polygons[0][0], [20, 16])


def test_an_ellipse_has_two_radii():
    pixels = mask('<ellipse label="cat" cx="20" cy="15" rx="8" ry="4"/>')
    assert_allclose(pixels.sum(), np.pi * 32, rtol=0.05)
    assert pixels[15, 13] and not pixels[10, 20]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<mask label="cat" rle="1,2" left="0" top="0" width="2" height="2"/>', "sum to 2 x 2. Received: 3"),
        ('<mask label="cat" rle="5,-1" left="0" top="0" width="2" height="2"/>', "to 1200. Received: -1"),
        (
            '<mask label="cat" rle="1e300" left="0" top="0" width="2" height="2"/>',
            "to 1200. Received: 1e[+]300",
        ),
        ('<mask label="cat" rle="4" left="1e300" top="0" width="2" height="2"/>', "a mask inside 40x30"),
        (
            '<mask label="cat" rle="0,4" left="39" top="0" width="2" height="2"/>',
            "a mask inside 40x30 pixels",
        ),
        (
            '<mask label="cat" rle="x" left="0" top="0" width="2" height="2"/>',
            "expected numbers. Received: 'x'",
        ),
        ('<ellipse label="cat" cx="1" cy="1" rx="1e12" ry="1"/>', "coordinates up to 100000"),
        ('<ellipse label="cat" cx="nan" cy="1" rx="1" ry="1"/>', "expected numbers. Received: 'nan'"),
        ('<box label="cat" xtl="0" ytl="0" xbr="1e9" ybr="1"/>', "coordinates up to 100000"),
        ('<box label="cat" xtl="0,1" ytl="0" xbr="9" ybr="1"/>', "numbers. Received: '0,1'"),
        ('<mask label="cat" rle="4" left="0" top="0" width="inf" height="2"/>', "numbers. Received: 'inf'"),
    ],
)
def test_a_malformed_shape_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
