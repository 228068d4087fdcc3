"""Draws a video of moving shapes, with the truth of every frame beside it: what is where, and who is who."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from yolact_tf.data.synthetic.moving import MovingScene
from yolact_tf.data.synthetic.scenes import MIN_VISIBLE_PIXELS
from yolact_tf.data.synthetic.shapes import (
    JPEG_QUALITY,
    MAX_IMAGES,
    MAX_OBJECTS,
    MIN_IMAGE_SIDE,
    annotations_of,
    check_integer,
    checked_directory,
    coco_of,
)
from yolact_tf.files import PathLike, new_folder
from yolact_tf.packages import require_package
from yolact_tf.structures import Progress

MAX_RATE = 240  # frames a second


def make_shapes_video(
    directory: PathLike,
    *,
    frames: int = 150,
    image_size: int = 256,
    objects: int = 8,
    frames_per_second: int = 30,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Writes `shapes.mp4`, its frames in `images` and `val.json` into a new folder, whole or not at all.

    val.json: COCO instances whose annotations have the `track_id` of their object, from 1; what is hidden but
    for a few pixels has none in that frame.  image_size: side in pixels, even.  Returns the folder as a Path.
    ImportError where PyAV is missing.
    """
    check_integer("frames", frames, 1, MAX_IMAGES)
    check_integer("image_size", image_size, MIN_IMAGE_SIDE, 4096)
    if image_size % 2:
        raise ValueError(f"`image_size` must be even in a video. Received: {image_size}")
    check_integer("objects", objects, 1, MAX_OBJECTS)
    check_integer("frames_per_second", frames_per_second, 1, MAX_RATE)
    check_integer("seed", seed, 0, 2**63 - 1)
    scene = MovingScene(image_size, image_size, objects, frames_per_second, seed)
    directory = checked_directory(directory)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with new_folder(directory) as made, _Video(made / "shapes.mp4", image_size, frames_per_second) as video:
        (made / "images").mkdir()
        for number in range(frames):
            image, owner = scene.frame(number)
            video.add(image)
            images.append(_save(image, made / "images", number))
            annotations += _visible(number + 1, scene.classes, owner)
            if progress:
                progress(number + 1, frames)
        content = coco_of("Synthetic shapes that move", seed, images, annotations)
        (made / "val.json").write_text(json.dumps(content))
    return directory


def _save(image, folder, number):
    """Writes a frame; returns its row of val.json."""
    name = f"frame_{number + 1:05d}.jpg"
    Image.fromarray(image).save(folder / name, quality=JPEG_QUALITY)
    return {
        "id": number + 1,
        "file_name": name,
        "height": image.shape[0],
        "width": image.shape[1],
        "license": 1,
    }


def _visible(image_id, classes, owner):
    """Annotations with their `track_id` of what can be seen."""
    rows = enumerate(annotations_of(image_id, classes, owner), 1)
    return [{**row, "track_id": track} for track, row in rows if row["area"] >= MIN_VISIBLE_PIXELS]


class _Video:
    """An MP4 file to which frames are added."""

    def __init__(self, path: Path, side: int, frames_per_second: int):
        av = require_package("av", "video", "Videos")
        self._frame_of = av.VideoFrame.from_ndarray
        self._container = av.open(str(path), "w")
        self._stream = self._container.add_stream("libx264", rate=Fraction(frames_per_second))
        self._stream.width = self._stream.height = side
        self._stream.pix_fmt = "yuv420p"

    def add(self, image: np.ndarray) -> None:
        self._container.mux(self._stream.encode(self._frame_of(image, format="rgb24")))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._container.mux(self._stream.encode(None))
        self._container.close()
