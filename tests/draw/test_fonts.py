import logging

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import ImageFont

from yolact_tf.draw import fonts
from yolact_tf.draw.fonts import font_file, font_for


def write_font(path, letters):
    """A TrueType font in which each of `letters` is a filled square and all else a blank."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 1000), (1000, 1000), (1000, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square, blank = pen.glyph(), TTGlyphPen(None).glyph()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord(letter): "square" for letter in letters})
    builder.setupGlyf({".notdef": blank, "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


@pytest.fixture
def system_fonts(monkeypatch):
    """system_fonts([file]) makes these the fonts of the system."""

    def install(files):
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: files)
        for cached in (fonts._fonts, fonts._covering):
            cached.cache_clear()

    yield install
    for cached in (fonts._fonts, fonts._covering):
        cached.cache_clear()


def test_plain_letters_are_those_of_the_font_that_pillow_brings():
    assert font_file("traffic light 0.93") is None
    assert font_for("a", 12).getname() == ImageFont.load_default(12).getname()


def test_letters_of_europe_are_in_what_matplotlib_brings(system_fonts):
    system_fonts([])
    for text in ("Käfer", "Żubr", "ёж", "γάτα"):
        assert font_file(text).endswith("DejaVuSans.ttf")
        assert not np.array_equal(font_for(text, 20).getmask("ä"), font_for(text, 20).getmask("\uffff"))


def test_a_font_of_the_system_is_taken_where_it_alone_has_the_letters(system_fonts, tmp_path, caplog):
    ours = write_font(tmp_path / "Squares.ttf", "苹果a")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    system_fonts([str(broken), write_font(tmp_path / "Half.ttf", "苹"), ours])
    assert font_file("苹果 1") == ours and not caplog.records
    assert np.array(font_for("苹果", 10).getmask("果")).any()


def test_letters_that_no_font_has_are_named_once(system_fonts, caplog):
    system_fonts([])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            font_for("苹果", 10)
    (told,) = caplog.messages
    assert told.startswith("no font here has the letters 果苹, which are drawn as boxes; Noto Sans CJK has")
