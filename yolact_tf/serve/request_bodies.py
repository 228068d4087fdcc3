"""Bodies of requests: read, unpacked and parsed within `Limits`, each step before it takes memory."""

import asyncio
import contextlib
import gc
import gzip
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import numpy as np

from yolact_tf.serve.json_tensors import shown
from yolact_tf.serve.limits import Limits, RequestError

if TYPE_CHECKING:
    from starlette.requests import Request

# A body that is too large is read on and thrown away up to so many times its limit: a client that only
# listens when it has sent everything would otherwise see a reset connection and no answer.
DRAINED = 8
FREE_UNPACKED = 2**20  # bytes that a gzip body may unpack to, however small it is
_OTHER_THAN_MARKS = bytes(set(range(256)) - set(b'[]{},"'))


class Intake:
    """Reads the bodies of requests, each and all together within `limits`."""

    def __init__(self, limits: Limits):
        self.limits = limits
        self.held = 0  # bytes of all bodies, until their requests are answered

    @contextlib.asynccontextmanager
    async def body(self, request: "Request") -> AsyncIterator[bytearray]:
        """The bytes of a request's body.

        RequestError: 413 for too many, 408 for too slow ones, 503 while others hold too many.
        """
        body = bytearray()
        try:
            await self._read_in_time(request, body)
            yield body
        finally:
            self.held -= len(body)

    async def _read_in_time(self, request, body):
        try:
            async with asyncio.timeout(self.limits.seconds):
                await self._read(request, body)
        except TimeoutError:
            message = f"The body must arrive within {self.limits.seconds} s. Received: a part of it"
            raise RequestError(408, message) from None

    async def _read(self, request, body):
        """Fills `body`, a bytearray, and counts it as held."""
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > DRAINED * self.limits.body:
                break
            if size <= self.limits.body:
                body += chunk
                self.held += len(chunk)
            if self.held > self.limits.bodies:
                message = "Too many requests at once: the memory for their bodies is full"
                raise RequestError(503, message, retry_after=1)
        if size > self.limits.body:
            raise _too_large(self.limits.body)


def parse_body(body: bytes | bytearray, is_gzip: bool, limits: Limits) -> dict[str, Any]:
    """Reads the JSON object out of a request's body.

    ValueError, one line, where there is none or it is nested too deep or holds too many values;
    RequestError 413 where it unpacks to too many bytes.
    """
    text = _unpacked(body, limits) if is_gzip else body
    _require_modest(text, limits)
    try:
        with _collections_paused():
            request = json.loads(text.decode("utf-8"), parse_float=_finite, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"The body must be JSON. Received: {error}") from error
    if not isinstance(request, dict):
        raise ValueError(f"The body must be a JSON object. Received: {shown(request)}")
    return request


def _finite(text):
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"a number too large for 64 bits, {shown(text)}")
    return number


def _unique(pairs):
    """Which of two values was meant, readers of JSON do not agree on."""
    members = dict(pairs)
    if len(members) < len(pairs):
        [(twice, _)] = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"the key {shown(twice)} twice in one object")
    return members


@contextlib.contextmanager
def _collections_paused():
    """Spares JSON, which has no cycles, the garbage collector, which takes ten times as long as the lists.

    Whichever thread pauses it first lets it go on, at worst before another has finished.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _unpacked(body, limits):
    most = min(limits.body, max(FREE_UNPACKED, limits.gzip_ratio * len(body)))
    try:
        text = gzip.GzipFile(fileobj=io.BytesIO(body)).read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"The body must be gzip, as its Content-Encoding says. Received: {error}") from error
    if len(text) > most:
        raise _too_large(most)
    return text


def _too_large(most):
    return RequestError(413, f"The body must be at most {most} bytes, also unpacked. Received: more")


def _require_modest(text, limits):
    """Counts what JSON bytes would become, without building it: 2 bytes of `[]` become 64 in memory."""
    text = text.replace(rb"\\", b"").replace(rb"\"", b"")  # what is left of quotes begins and ends strings
    marks = np.frombuffer(text.translate(None, _OTHER_THAN_MARKS), np.uint8)
    is_quote = marks == ord('"')
    marks = marks[~(is_quote | np.logical_xor.accumulate(is_quote))]
    opens, closes = (np.isin(marks, list(pair)) for pair in (b"[{", b"]}"))
    elements = np.count_nonzero(opens) + np.count_nonzero(marks == ord(","))
    if elements > limits.elements:
        raise ValueError(f"The body must hold at most {limits.elements} values. Received: {elements}")
    depth = np.cumsum(opens.astype(np.int8) - closes, dtype=np.int32).max(initial=0)
    if depth > limits.depth:
        raise ValueError(f"The body must be nested at most {limits.depth} deep. Received: {depth}")
