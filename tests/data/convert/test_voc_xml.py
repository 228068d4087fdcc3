"""VOC's XML: what says something is kept, the rest is as VOC writes it."""

import numpy as np
import pytest

from tests.data.convert.made import square
from yolact_tf.data.convert.voc_xml import read_objects, write_objects


def test_reading_undoes_writing(tmp_path):
    ids = np.zeros((6, 8), int)
    ids[1:3, 2:5], ids[4, 4] = 1, 2
    extra = {"pose": "Left", "difficult": 1, "occluded": True, "licence": "x"}
    instances = (square(0, 0, 1, 1, extra=extra), square(0, 0, 1, 1, category_id=2))
    write_objects(tmp_path / "sub" / "a.xml", "sub/a & b.jpg", ids, instances, {1: "<cat>", 2: "犬"})
    assert read_objects(tmp_path / "sub" / "a.xml") == [
        {"name": "<cat>", "pose": "Left", "difficult": 1, "occluded": 1},
        {"name": "犬"},
    ]
    text = (tmp_path / "sub" / "a.xml").read_text(encoding="utf-8")
    assert "<filename>sub/a &amp; b.jpg</filename>" in text
    assert "<width>8</width>" in text and "<height>6</height>" in text


def test_no_file_is_no_objects(tmp_path):
    assert read_objects(tmp_path / "a.xml") == []


def test_malformed_xml_is_named_with_its_row(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation>\n<object>\n</annotation>")
    with pytest.raises(ValueError, match=r"a.xml: expected XML. Received: mismatched tag: line 3") as caught:
        read_objects(tmp_path / "a.xml")
    assert "\n" not in str(caught.value)
