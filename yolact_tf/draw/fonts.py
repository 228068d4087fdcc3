"""Fonts that have the letters of class names: Pillow's own, else one of this system."""

import functools
import io
import logging
from pathlib import Path

from PIL import ImageFont

logger = logging.getLogger(__name__)

_OF_OTHER_STYLES = ("bold", "italic", "oblique", "black", "thin", "light")


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """A Pillow font of `size` pixels with the letters of `text`, as far as any here has them."""
    return _opened(font_file(text), size)


def font_file(text: str) -> str | None:
    """The file of a font with the letters of `text`; None where Pillow's own font has them.

    Of several the plainest. Letters that no font has are named in one warning.
    """
    missing = frozenset(text) - _letters_of_default()
    return _covering(frozenset(c for c in missing if c.isprintable()))


@functools.lru_cache(16)
def _opened(file, size):
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@functools.cache
def _letters_of_default():
    from matplotlib.ft2font import FT2Font

    return frozenset(map(chr, FT2Font(io.BytesIO(ImageFont.load_default(10).font_bytes)).get_charmap()))


@functools.cache
def _covering(letters):
    """The font file that has most of `letters`; None for no letters."""
    if not letters:
        return None
    found = [(len(letters & of_font), *_plainness(path), path) for path, of_font in _fonts().items()]
    count, *_, path = max(found)
    if count < len(letters):
        absent = "".join(sorted(letters - _fonts()[path]))
        logger.warning(
            "no font here has the letters %s, which are drawn as boxes; Noto Sans CJK has those of Chinese, "
            "Japanese and Korean",
            absent[:40],
        )
    return path


def _plainness(path):
    name = Path(path).stem.lower()
    is_of_other_style = any(word in name for word in _OF_OTHER_STYLES)
    return not is_of_other_style, "sans" in name, "mono" not in name, -len(name)


@functools.cache
def _fonts():
    """{file: letters} of the fonts of this system and of matplotlib, which brings DejaVu Sans."""
    # Slow to import, and only needed where a name leaves plain Latin letters.
    import matplotlib
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    fonts = {}
    dejavu = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    for path in (*font_manager.findSystemFonts(), dejavu):
        if "lastresort" in Path(path).name.lower():  # has every letter, as one and the same box
            continue
        try:
            fonts[str(path)] = frozenset(map(chr, FT2Font(str(path)).get_charmap()))
        except RuntimeError as error:  # FreeType's word for a file that is none
            logger.debug("%s: %s", path, error)
    return fonts
