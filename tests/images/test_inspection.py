"""A glance at an image file against the whole of it."""

import io

import numpy as np
import pytest
from PIL import Image

from yolact_tf.images import inspection
from yolact_tf.images.inspection import glance_at_file, inspect_file
from yolact_tf.images.orientation import TAG

NOISE = np.random.default_rng(0).integers(0, 256, (150, 200, 3), "uint8")


def encoded(format="JPEG", image=NOISE, **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format, **options)
    return stream.getvalue()


def with_thumbnail():
    """A JPEG whose EXIF has a small JPEG with an end marker of its own."""
    exif = Image.Exif()
    exif[TAG] = 6
    thumbnail = encoded(image=NOISE[:32, :32])
    # An unknown tag of EXIF may hold any bytes.
    exif[0xC6D3] = thumbnail
    return encoded(exif=exif.tobytes()), thumbnail


@pytest.fixture
def file(tmp_path):
    def write(data):
        path = tmp_path / "image"
        path.write_bytes(data)
        return path

    return write


def both(path):
    """What a glance and an inspection say: a header each, or the text of an error."""
    said = []
    for look in (glance_at_file, inspect_file):
        try:
            said.append(look(path))
        except (ValueError, OSError) as error:
            said.append(str(error))
    return said


@pytest.mark.parametrize(
    "data",
    [
        encoded(),
        encoded(progressive=True),
        with_thumbnail()[0],
        encoded() + b"\0" * 100,  # what some cameras append
        encoded() + b"\0" * 10_000,  # more than a glance looks at
        encoded()[:-2] + b"\xff" * 9 + b"\xff\xd9",
        encoded("MPO", save_all=True, append_images=[Image.fromarray(NOISE[:20])]),
        encoded("PNG"),
        encoded("WEBP"),
        encoded("GIF"),
        encoded("BMP"),
        encoded("TIFF"),
    ],
)
def test_a_glance_says_of_whole_files_what_an_inspection_does(file, data):
    glance, whole = both(file(data))
    assert glance == whole and not isinstance(glance, str)


def test_a_cut_file_is_found_wherever_it_ends(file):
    data, thumbnail = with_thumbnail()
    end_of_thumbnail = data.index(thumbnail) + len(thumbnail)
    for length in (0, 2, 20, end_of_thumbnail, end_of_thumbnail + 300, len(data) // 2, len(data) - 2):
        glance, whole = both(file(data[:length]))
        assert glance == whole and isinstance(glance, str), length


def test_what_is_no_image_is_told_in_the_same_words(file, tmp_path):
    for path in (file(b"\xff\xd8 and then text \xff\xd9"), tmp_path / "none"):
        glance, whole = both(path)
        assert glance == whole and isinstance(glance, str)


def test_a_glance_reads_little(file, monkeypatch):
    class Counting(io.FileIO):
        count = 0

        def readinto(self, buffer):
            number = super().readinto(buffer)
            Counting.count += number
            return number

        def readall(self):
            data = super().readall()
            Counting.count += len(data)
            return data

    path = file(encoded(image=NOISE.repeat(8, 0).repeat(8, 1), quality=95))
    monkeypatch.setattr(inspection, "open", lambda p, _: io.BufferedReader(Counting(p)), raising=False)
    glance_at_file(path)
    assert Counting.count < 40_000 < 400_000 < path.stat().st_size
