"""Class names of formats that know classes by nothing else."""

import pytest

from yolact_tf.data.convert.class_names import category_names, read_lines
from yolact_tf.data.convert.data_set import Category, DataSet


def test_names_by_category_id():
    assert category_names(DataSet({3: Category("猫"), 5: Category("a: b")}, {})) == {3: "猫", 5: "a: b"}


@pytest.mark.parametrize("names", [("cat", "cat"), ("a\nb",), (" ",), ("a\r",)])
def test_names_that_are_the_same_or_no_line_are_refused(names):
    categories = {i: Category(name) for i, name in enumerate(names, 1)}
    with pytest.raises(ValueError, match="needs names that differ, each on one line") as caught:
        category_names(DataSet(categories, {}))
    assert "\n" not in str(caught.value)


def test_lines_may_end_as_on_windows_and_empty_ones_do_not_count(tmp_path):
    (tmp_path / "a.txt").write_bytes("eins\r\n\r\nzwei\u2028drei\n".encode())
    assert read_lines(tmp_path / "a.txt") == ["eins", "zwei\u2028drei"]


def test_text_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(ValueError, match=r"a.txt: expected text in UTF-8"):
        read_lines(tmp_path / "a.txt")
