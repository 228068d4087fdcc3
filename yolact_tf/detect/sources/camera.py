"""A webcam as a source."""

import sys
from pathlib import Path

from yolact_tf.detect.sources.pyav import pyav
from yolact_tf.detect.sources.video import Video


def camera(index: int) -> Video:
    """The webcam of this number, from 0, as the system counts. ValueError where there is none."""
    name = f"camera{index}"
    if sys.platform == "linux":
        return camera_at(Path(f"/dev/video{index}"), name)
    if sys.platform == "darwin":
        return Video(str(index), name, f"camera {index}", "avfoundation")
    known = [device.name for device in pyav().device.enumerate_input_devices("dshow") if _has_video(device)]
    if index >= len(known):
        raise _missing(f"camera {index}", known)
    return Video(f"video={known[index]}", name, f"camera {index}", "dshow")


def camera_at(device: Path, name: str | None = None) -> Video:
    """The webcam at a device of Linux, such as /dev/video0."""
    if not device.exists():
        raise _missing(str(device), sorted(str(path) for path in device.parent.glob("video*")))
    return Video(str(device), name or device.name, str(device), "video4linux2")


def _has_video(device):
    return "video" in device.media_types


def _missing(place, known):
    found = ", ".join(known) or "no camera"
    return FileNotFoundError(f"{place}: expected a camera. Received none; this machine has {found}")
