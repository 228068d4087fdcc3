import numpy as np
from numpy.testing import assert_array_equal

from yolact_tf.draw.instances import in_rows, resize, titled


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
