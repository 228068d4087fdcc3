"""What is malformed: counted, named in one line, and no reason to stop."""

import pytest

from yolact_tf.data.convert.left_out import LeftOut


def test_what_raises_is_named_and_the_rest_goes_on():
    found, kept = LeftOut(), []
    for number, error in enumerate([None, ValueError("two\nlines"), FileNotFoundError("gone"), None], 1):
        with found.skip_object(f"row {number}"):
            if error:
                raise error
            kept.append(number)
    with found.skip_image():
        raise OSError("a.png: no such image file")
    assert kept == [1, 4]
    assert found.objects == ["row 2: two lines", "row 3: gone"]
    assert found.images == ["a.png: no such image file"]


def test_other_errors_are_ours_and_not_caught():
    with pytest.raises(KeyError), LeftOut().skip_image():
        raise KeyError("rle")


def test_the_first_are_shown_and_all_are_counted():
    found, other = LeftOut(), LeftOut()
    assert not found and found.first() == [] and found.counts == ""
    found.objects, other.objects, other.images = ["1", "2"], ["3"], ["a"]
    found.include(other)
    assert found and found.counts == "1 image, 3 objects"
    assert found.first(4) == ["a", "1", "2", "3"]
    assert found.first(2) == ["a", "1", "and 2 more"]
