"""Zones and lines as text and files, and what is said of such as are none."""

import json

import pytest

from yolact_tf.detect.moving.zones import Line, Zone, line_of, read_zones, zone_of


def test_text_becomes_points():
    assert zone_of("0,0,10,0,10.5,20", "a") == Zone("a", ((0, 0), (10, 0), (10.5, 20)))
    assert line_of(" 1, 2,3,4", "b") == Line("b", ((1, 2), (3, 4)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1,2",
        "1,2,3",
        "1,2,3,4",
        "a,b,c,d,e,f",
        "0,0,1,1,0,0",
        "0,0,-1,0,5,5",
        "0,0,nan,1,2,2",
        "0,0,1e9,0,5,5",
    ],
)
def test_text_that_is_no_zone_is_refused(text):
    with pytest.raises(ValueError, match="Received: "):
        zone_of(text, "a")


@pytest.mark.parametrize("text", ["1,2,1,2", "1,2", "1,2,3,4,5,6", "x"])
def test_text_that_is_no_line_is_refused(text):
    with pytest.raises(ValueError, match="Received: "):
        line_of(text, "a")


def test_a_file_names_zones_and_lines_or_numbers_them(tmp_path):
    zones = [{"name": "door", "points": [[0, 0], [9, 0], [9, 9]]}, {"points": [[0, 0], [5, 0], [5, 5]]}]
    (tmp_path / "zones.json").write_text(
        json.dumps({"zones": zones, "lines": [{"points": [[0, 0], [5, 5]]}]})
    )
    areas, borders = read_zones(tmp_path / "zones.json")
    assert [area.name for area in areas] == ["door", "zone 2"]
    assert borders == [Line("line 1", ((0, 0), (5, 5)))]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "{",
        "null",
        '{"areas": []}',
        '{"zones": 5}',
        '{"zones": [5]}',
        '{"zones": [{"points": 5}]}',
        '{"zones": [{"points": [[0, 0], [1, 1]]}]}',
        '{"zones": [{"points": [[0, 0], [1, "1"], [2, 0]]}]}',
        '{"zones": [{"points": [[0, 0], [1, true], [2, 0]]}]}',
        '{"zones": [{"polygon": [[0, 0], [1, 1], [2, 0]]}]}',
        '{"lines": [{"points": [[0, 0], [0, 0]]}]}',
    ],
)
def test_a_file_that_holds_none_is_named(content, tmp_path):
    (tmp_path / "zones.json").write_text(content)
    with pytest.raises(ValueError, match=r"zones\.json: "):
        read_zones(tmp_path / "zones.json")


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"zones\.json"):
        read_zones(tmp_path / "zones.json")
