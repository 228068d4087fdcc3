"""What is found in an image, as the bytes that go into the files of a job."""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from yolact_tf.batch import storage
from yolact_tf.batch.images import JobImage, Look
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.detect.image_inputs import Pixels, pixels_of_bytes


class Seen(NamedTuple):
    """What became of one image. Of one that cannot be read, only `failed`."""

    results: bytes = b""  # COCO results, JSON rows with ", " between them
    overlays: bytes = b""  # a member of a tar file
    failed: bytes = b""  # a line of JSON with the reason
    objects: int = 0
    remarks: tuple[str, ...] = ()  # what of the image is not seen


def look_at(detector: Detector, images: Sequence[JobImage], look: Look) -> Iterator[Seen]:
    """What became of each of `images`, in order."""
    for at in range(0, len(images), look.batch):
        some = images[at : at + look.batch]
        read = [_read(image) for image in some]
        pixels = [one.rgb for one in read if isinstance(one, Pixels)]
        found = iter(detector(pixels) if len(pixels) > 1 else [detector(one) for one in pixels])
        for image, one in zip(some, read, strict=True):
            if isinstance(one, Pixels):
                yield _seen(image, one, next(found).above(look.score_threshold), look.has_overlays)
            else:
                yield Seen(failed=_line(image, one))


def _read(image: JobImage) -> Pixels | str:
    """The pixels of an image, or the reason why there are none."""
    try:
        return pixels_of_bytes(storage.read(image.address), image.name)
    except FileNotFoundError:
        return f"{image.name}: no such image file"
    except (ValueError, OSError, ImportError, MemoryError) as error:
        return " ".join(str(error).split()) or f"{image.name}: expected enough memory for it"


def _line(image: JobImage, reason: str) -> bytes:
    row = {"image_id": image.image_id, "file_name": image.name, "address": image.address, "reason": reason}
    return json.dumps(row).encode() + b"\n"


def _seen(image: JobImage, pixels: Pixels, found: Detections, has_overlay: bool) -> Seen:
    rows = [json.dumps({**row, "file_name": image.name}) for row in found.to_coco(image.image_id)]
    overlay = _member(image.overlay, found.draw(pixels.rgb)) if has_overlay else b""
    return Seen(", ".join(rows).encode(), overlay, objects=len(found), remarks=pixels.remarks)


def _member(name: str, picture: np.ndarray) -> bytes:
    """A PNG as a member of a tar file, which is one after the other of them."""
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, "PNG")
    head = tarfile.TarInfo(name)
    head.size = encoded.tell()
    head.mode = 0o644
    padding = bytes(-head.size % tarfile.BLOCKSIZE)
    return head.tobuf(tarfile.PAX_FORMAT) + encoded.getvalue() + padding
