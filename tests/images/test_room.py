"""Images that are too large for the memory that is left."""

import io

import pytest
from PIL import Image

from tests.image_bombs import png_of_size
from yolact_tf.images import room
from yolact_tf.images.room import require_room


def encoded(size, form="PNG"):
    file = io.BytesIO()
    Image.new("L", size).save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF"])
def test_what_fits_is_let_through_and_what_does_not_is_named(form, monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: 33_000_000)
    require_room(encoded((1000, 1000), form), "a.png")
    with pytest.raises(
        ValueError, match=r"a.png: expected .* memory left, 0.0 GB. Received one of 1 million"
    ):
        require_room(encoded((1001, 1000), form), "a.png")


def test_what_is_no_image_is_for_others_to_refuse(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: 0)
    require_room(b"no image", "a.png")


def test_a_picture_of_more_pixels_than_any_memory_holds_is_refused_undecoded():
    with pytest.raises(ValueError, match="a.png: .* Received one of 4000000 million pixels, which takes "):
        require_room(png_of_size(2_000_000, 2_000_000), "a.png")
