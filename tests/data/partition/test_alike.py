"""Near-duplicates: copies of any quality, size and brightness are found, and only they."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from yolact_tf.data.partition.alike import join_alike, look_at
from yolact_tf.data.partition.groups import Groups
from yolact_tf.images.decoding import EXIF_ORIENTATION


def scene(seed, height=120, width=160):
    """A picture of soft shapes."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 10, 3), dtype="uint8"))
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def labels_of(folder, pictures, alike=0.9):
    """Group labels of pictures, {name: Pillow image, or (image, options of save)}."""
    for name, picture in pictures.items():
        image, options = picture if isinstance(picture, tuple) else (picture, {})
        image.save(folder / name, **options)
    advanced = []
    looks = look_at([folder / name for name in pictures], lambda: advanced.append(1))
    groups = Groups(len(looks))
    join_alike(groups, looks, alike, lambda: advanced.append(1))
    assert len(advanced) == 2 * len(pictures)
    return groups.labels().tolist()


def on_its_side(image):
    """The picture stored on its side, with the tag that turns it."""
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    return image.transpose(Image.Transpose.ROTATE_90), {"exif": exif}


COPIES = {
    "another format": lambda p: ("b.webp", (p, {"quality": 50})),
    "low quality": lambda p: ("b.jpg", (p, {"quality": 20})),
    "half the size": lambda p: ("b.png", p.resize((80, 60))),
    "another aspect": lambda p: ("b.png", p.resize((128, 128))),
    "brighter": lambda p: ("b.png", ImageEnhance.Brightness(p).enhance(1.2)),
    "without colour": lambda p: ("b.png", p.convert("L")),
    "in 16 bits": lambda p: ("b.png", Image.fromarray(np.asarray(p.convert("L")).astype("uint16") * 3)),
    "with transparency": lambda p: ("b.png", p.convert("RGBA")),
    "with a palette": lambda p: ("b.png", p.quantize(200)),
    "cropped by a fiftieth": lambda p: ("b.png", p.crop((2, 1, 158, 119))),
    "stored on its side": lambda p: ("b.jpg", on_its_side(p)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_copies_are_alike_and_other_pictures_are_not(copy, tmp_path):
    name, picture = COPIES[copy](scene(0))
    assert labels_of(tmp_path, {"a.png": scene(0), "c.png": scene(1), name: picture}) == [0, 1, 0]


def test_frames_of_a_film_are_one_group_from_the_first_to_the_last(tmp_path):
    film = scene(0, width=400)
    frames = {f"{i}.png": film.crop((4 * i, 0, 4 * i + 160, 120)) for i in range(30)}
    assert labels_of(tmp_path, {**frames, "other.png": scene(1)}) == [0] * 30 + [30]
    apart = labels_of(tmp_path, {"0.png": frames["0.png"], "29.png": frames["29.png"]})
    assert apart == [0, 1]  # the ends alone resemble each other no more


def test_how_alike_is_enough_can_be_said(tmp_path):
    pictures = {"a.png": scene(0), "b.png": scene(0).crop((6, 4, 154, 116))}
    assert labels_of(tmp_path, pictures, alike=0.7) == [0, 0]
    assert labels_of(tmp_path, pictures, alike=0.99) == [0, 1]


def test_plain_pictures_resemble_only_their_copies(tmp_path):
    noise = np.random.default_rng(0).integers(118, 138, (3, 90, 90, 3), dtype="uint8")
    plain = {f"{i}.png": Image.fromarray(pixels) for i, pixels in enumerate(noise)}
    grey = Image.new("RGB", (90, 90), (128, 128, 128))
    assert labels_of(tmp_path, {**plain, "3.png": grey, "4.jpg": grey, "5.png": grey}) == [0, 1, 2, 3, 4, 3]


def test_files_that_are_no_images_are_known_by_their_bytes(tmp_path):
    for name, data in (("a.heic", b"no image"), ("b.heic", b"no image"), ("c.jpg", b"")):
        (tmp_path / name).write_bytes(data)
    whole = io.BytesIO()
    scene(0).save(whole, "PNG")
    (tmp_path / "cut.png").write_bytes(whole.getvalue()[:900])
    looks = look_at(sorted(tmp_path.iterdir()), lambda: None)
    groups = Groups(4)
    join_alike(groups, looks, 0.9, lambda: None)
    assert groups.labels().tolist() == [0, 0, 2, 3]


def test_real_pictures_of_one_subject_are_not_alike(shared_data):
    paths = sorted((shared_data / "fruitnuts3" / "images").iterdir())
    looks = look_at(paths, lambda: None)
    groups = Groups(len(looks))
    join_alike(groups, looks, 0.6, lambda: None)
    assert groups.labels().tolist() == list(range(len(paths)))
