"""Images, folders, globs, videos, cameras and streams in, frames out."""

from yolact_tf.detect.sources.find import Place, find_sources
from yolact_tf.detect.sources.frame import Frame, Source
from yolact_tf.detect.sources.still import Still
from yolact_tf.detect.sources.video import Video

__all__ = ["Frame", "Place", "Source", "Still", "Video", "find_sources"]
