"""Detections of frame after frame: which object is which, and where each of them goes."""

from yolact_tf.detect.moving.counting import ZoneCounter
from yolact_tf.detect.moving.tracking import Tracker
from yolact_tf.detect.moving.zones import Line, Zone, read_zones

__all__ = ["Line", "Tracker", "Zone", "ZoneCounter", "read_zones"]
