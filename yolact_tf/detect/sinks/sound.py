"""The sound of a video, copied as it is."""

from typing import Any

from yolact_tf.detect.sources import Video
from yolact_tf.detect.sources.pyav import pyav
from yolact_tf.detect.sources.video import start_of


class Sound:
    """Copies the packets of all sound streams of a video to `target`; of what is live there are none.

    target: PyAV's container, before its first packet.
    """

    def __init__(self, source: Video, target: Any):
        has_sound = source.facts.sound and not source.is_live
        self._target, self._source = target, source.open() if has_sound else None
        streams = self._source.streams.audio if self._source else ()
        self._copies = {stream.index: _Copy(stream, target) for stream in streams}
        self._packets = self._read()
        self._next = next(self._packets, None)

    def copy(self, until: float | None) -> None:
        """Goes on to a time in seconds, or to the end."""
        while self._next is not None and (until is None or self._next.dts * self._next.time_base < until):
            self._target.mux(self._copies[self._next.stream_index].packets(self._next))
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Closes the source."""
        if self._source is not None:
            self._source.close()

    def _read(self):
        if self._source is None:
            return
        start = start_of(self._source)
        try:
            for packet in self._source.demux(self._source.streams.audio):
                if packet.dts is not None:
                    packet.dts -= round(start / packet.time_base)
                    packet.pts -= round(start / packet.time_base)
                    yield packet
        except pyav().FFmpegError:  # the end of a broken file, of which its frames have told
            return


class _Copy:
    """One stream of sound in the target."""

    def __init__(self, stream, target):
        self._stream = target.add_stream_from_template(stream)
        self._stream.metadata.update(stream.metadata)
        self._filter = None
        # A transport stream's AAC has a header a packet, which an MP4 has once.
        if stream.codec_context.name == "aac" and not stream.codec_context.extradata:
            context = pyav().bitstream.BitStreamFilterContext
            self._filter = context("aac_adtstoasc", stream)

    def packets(self, packet):
        """What is written of a packet of the source."""
        packets = self._filter.filter(packet) if self._filter else [packet]
        for one in packets:
            one.stream = self._stream
        return packets
