"""Connections of clients that take their time: each is closed when its time is up."""

import json
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def patient_for(seconds: float) -> type[H11Protocol]:
    """The HTTP protocol for uvicorn that gives a client so long to send a head, and to take an answer in.

    A body has its own time (`Intake`). What is no HTTP is answered in JSON, as all else.
    """
    return type("Patient", (_Connection,), {"patience": seconds})


class _Connection(H11Protocol):
    patience: float

    def __init__(self, *arguments: Any, **keywords: Any):
        super().__init__(*arguments, **keywords)
        self._deadline: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # An answer's head and body are two packets: the second would wait 40 ms for the first one's receipt.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._start_clock()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_clock()  # a request is there
        elif self._deadline is None:
            self._start_clock()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_clock()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP."""
        text = json.dumps({"error": msg})
        head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(text)}"
        self.transport.write(f"{head}\r\nConnection: close\r\n\r\n{text}".encode())
        self.transport.close()

    def _start_clock(self):
        self._stop_clock()
        self._deadline = self.loop.call_later(self.patience, self.transport.abort)

    def _stop_clock(self):
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
