"""XML files that are none."""

import pytest

from yolact_tf.data.convert.xml_files import read_xml


def test_the_root_element_is_given(tmp_path):
    (tmp_path / "a.xml").write_text("<a><b/></a>")
    assert [child.tag for child in read_xml(tmp_path / "a.xml")] == ["b"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no element found"),
        ("<a>\n<b>\n</a>", "mismatched tag: line 3"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "unknown encoding"),
        ('<?xml version="1.0" encoding="gb2312"?><a/>', "multi-byte encodings"),
    ],
)
def test_what_is_malformed_is_named_in_one_line(tmp_path, text, reason):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(ValueError, match=rf"a.xml: expected XML. Received: {reason}") as caught:
        read_xml(tmp_path / "a.xml")
    assert "\n" not in str(caught.value)
