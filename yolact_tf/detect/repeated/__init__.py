"""One detector asked several times about one image: in tiles, mirrored, larger and smaller."""

from yolact_tf.detect.repeated.augmented import AugmentedDetector
from yolact_tf.detect.repeated.tiled import TiledDetector

__all__ = ["AugmentedDetector", "TiledDetector"]
