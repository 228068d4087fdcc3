import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.draw.instances import (
    color_of,
    draw_instances,
    draw_truth,
    in_rows,
    resize,
    scaled_size,
    titled,
)


def plain(height, width, value):
    return np.full((height, width, 3), value, "uint8")


def test_pictures_keep_their_size_in_rows_on_white():
    sheet = in_rows([plain(10, 20, 1), plain(8, 12, 2), plain(10, 20, 3)], 2)
    assert sheet.shape == (26, 46, 3)
    assert (sheet[:10, :20] == 1).all() and (sheet[:8, 26:38] == 2).all() and (sheet[16:, :20] == 3).all()
    assert (sheet == 255).all(2).sum() == 26 * 46 - 2 * 10 * 20 - 8 * 12


def test_a_row_is_no_longer_than_its_pictures():
    assert_array_equal(in_rows([plain(4, 5, 7)], 3), plain(4, 5, 7))


def test_a_title_is_text_above_the_picture():
    picture = titled(plain(30, 100, 9), "epoch 3")
    assert_array_equal(picture[-30:], plain(30, 100, 9))
    assert (picture[:-30] < 128).any() and (picture[:-30] == 255).any()


def test_resize_keeps_what_is_constant():
    assert_array_equal(resize(plain(30, 40, 50), (12, 16)), plain(12, 16, 50))
    picture = np.arange(27, dtype="uint8").reshape(3, 3, 3)
    assert_array_equal(resize(picture, (3, 3)), picture)


def squares(*corners, side=40):
    """(boxes, windows) of squares."""
    boxes = np.array([[x, y, x + side, y + side] for x, y in corners], float)
    return boxes, [(y, x, np.ones((side, side), bool)) for x, y in corners]


def test_a_scaled_size_keeps_its_proportions_and_a_pixel():
    assert scaled_size((300, 400), 200) == (150, 200)
    assert scaled_size((1, 1000), 100) == (1, 100)


def test_the_first_object_is_on_top_in_its_own_colour():
    boxes, windows = squares((20, 20), (30, 30))
    red, blue = (255, 0, 0), (0, 0, 255)
    picture = draw_instances(plain(100, 100, 0), boxes, ["", ""], windows, [red, blue])
    both, first, second = picture[45, 45], picture[25, 25], picture[65, 65]
    assert_allclose(first, [0.45 * 255, 0, 0], atol=1)
    assert_allclose(second, [0, 0, 0.45 * 255], atol=1)
    assert_array_equal(both, first)


def test_captions_of_objects_in_one_place_can_all_be_read():
    boxes, windows = squares(*[(150, 150)] * 6)
    colors = [color_of(i) for i in range(6)]
    alone = draw_instances(plain(300, 400, 90), boxes[:1], ["round nut 0.99"], windows[:1], colors[:1])
    label = (alone[:150] == colors[0]).all(2).sum()
    picture = draw_instances(plain(300, 400, 90), boxes, ["round nut 0.99"] * 6, windows, colors)
    for color in colors:
        assert (picture == color).all(2).sum() >= label


def test_many_captions_are_written_smaller():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 860, (100, 2)).tolist()
    boxes, windows = squares(*corners)
    colors = [(255, 0, 0)] * 100
    few = draw_instances(plain(900, 900, 0), boxes[:1], ["object 0.50"], windows[:1], colors[:1])
    many = draw_instances(plain(900, 900, 0), boxes, ["object 0.50"] * 100, windows, colors)
    of_one = (few == colors[0]).all(2).sum()
    assert (many == colors[0]).all(2).sum() < 0.5 * 100 * of_one


def test_captions_that_would_hide_the_picture_are_left_out():
    boxes, windows = squares(*((x, y) for y in range(0, 200, 20) for x in range(0, 200, 20)), side=1)
    colors = [(255, 0, 0)] * 20 + [(0, 0, 255)] * 80
    drawn = draw_instances(plain(200, 200, 0), boxes, ["nucleus 1.00"] * 100, windows, colors)
    assert (drawn != 0).any(2).mean() < 0.25  # labels, their lines and the squares
    only_first = draw_instances(plain(200, 200, 0), boxes, ["nucleus 1.00"] * 20 + [""] * 80, windows, colors)
    assert (drawn == only_first).mean() > 0.95


def test_no_picture_is_too_small():
    boxes, windows = squares((0, 0), side=1)
    assert draw_instances(plain(1, 1, 90), boxes, ["object"], windows).shape == (1, 1, 3)


def test_truth_has_the_colours_and_names_of_its_classes():
    boxes, windows = squares((20, 40))
    arguments = plain(100, 100, 0), boxes, windows, np.array([1])
    picture = draw_truth(*arguments, np.array([False]), {3: "a", 7: "b"})
    assert_allclose(picture[60, 40], 0.45 * np.array(color_of(7)), atol=1)
    crowd = draw_truth(*arguments, np.array([True]), {3: "a", 7: "b"})
    assert (crowd[:38] != 0).any(2).sum() > 2 * (picture[:38] != 0).any(2).sum()


def test_nothing_yet_is_grey():
    assert len(set(color_of(-1))) == 1
    assert len({color_of(i) for i in range(90)}) == 90
