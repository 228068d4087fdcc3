"""The line of predict requests: read in threads, gathered into batches, answered in the order they came."""

import asyncio
import dataclasses
import math
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from yolact_tf.cores import usable_cores
from yolact_tf.serve.limits import Batching, Limits, RequestError
from yolact_tf.serve.queries import Query, answers

if TYPE_CHECKING:
    from starlette.requests import Request

_SMOOTHING = 0.1  # share of the newest batch in the average time that a row takes


@dataclasses.dataclass(eq=False)
class _Place:
    query: Query
    since: float
    answer: asyncio.Future

    def settle(self, outcome):
        if not self.answer.done():  # else its client has left
            if isinstance(outcome, Exception):
                self.answer.set_exception(outcome)
            else:
                self.answer.set_result(outcome)


class PredictionQueue:
    """Answers queries in batches of those that fit together, at most `limits.queue` of them at a time.

    A batch starts as soon as a thread is free, unless requests are just being read that may fit to it: it
    waits for those until it is full or its oldest query has waited `batch_timeout_micros`. So one client
    never waits, and many fill a batch while another runs. Lives in one event loop.

    `pending` counts queries from their acceptance to their answer, `reading` those that no batch can have
    yet.  on_batch: is told the rows of each batch.
    """

    def __init__(self, limits: Limits, batching: Batching, on_batch: Callable[[int], None]):
        self.pending = self.reading = 0
        self._limits = limits
        self._batching = batching
        self._on_batch = on_batch
        self._places: list[_Place] = []  # oldest first
        self._idle = batching.num_batch_threads
        self._row_seconds = 0.0
        self._readers = ThreadPoolExecutor(usable_cores(), "reading")
        self._predictors = ThreadPoolExecutor(batching.num_batch_threads, "predicting")

    async def answer(self, request: "Request", read: Callable[[], Query]) -> str:
        """The JSON text that answers what `read` returns, called in a thread.

        RequestError: 503 where the line is full, or what `read` or the prediction raises. What has not begun
        when the client leaves is never run (ClientDisconnect).
        """
        if self.pending >= self._limits.queue:
            message = f"Too many requests at once: {self._limits.queue} are already waiting"
            raise RequestError(503, message, max(1, math.ceil(self.pending * self._row_seconds)))
        self.pending += 1
        try:
            return await _unless_left(request, self._answer(read))
        finally:
            self.pending -= 1

    async def _answer(self, read):
        loop = asyncio.get_running_loop()
        self.reading += 1
        try:
            query = await loop.run_in_executor(self._readers, read)
        finally:
            self.reading -= 1
            loop.call_soon(self._start_batches)  # others may wait for no one else
        place = _Place(query, loop.time(), loop.create_future())
        self._places.append(place)
        timeout = loop.call_later(self._batching.batch_timeout_micros / 1e6, self._start_batches)
        try:
            return await place.answer
        finally:
            timeout.cancel()
            if place in self._places:
                self._places.remove(place)

    def _start_batches(self):
        while self._idle and (batch := self._next_batch()):
            self._places = [place for place in self._places if place not in batch]
            self._idle -= 1
            self._on_batch(sum(place.query.rows for place in batch))
            loop = asyncio.get_running_loop()
            loop.run_in_executor(self._predictors, self._run, loop, batch, loop.time())

    def _next_batch(self):
        """The oldest query with those that fit to it; [] while it is better to wait for more."""
        loop = asyncio.get_running_loop()
        fitting: dict = {}
        for place in self._places:
            fitting.setdefault(place.query.key, []).append(place)
        for places in fitting.values():
            batch, is_full = self._filled(places)
            has_waited = loop.time() - places[0].since >= self._batching.batch_timeout_micros / 1e6
            if is_full or has_waited or not self.reading:
                return batch
        return []

    def _filled(self, places):
        """As many of `places` as go into a batch, at least one, and whether no more would."""
        rows = pixels = 0
        for count, place in enumerate(places):
            rows += place.query.rows
            pixels += place.query.pixels
            if count and (rows > self._batching.max_batch_size or pixels > self._limits.pixels):
                return places[:count], True
        return places, rows >= self._batching.max_batch_size

    def _run(self, loop, batch, started):
        """In a thread: each answer goes to its place as soon as it is written."""
        for place, outcome in zip(batch, answers([place.query for place in batch]), strict=True):
            loop.call_soon_threadsafe(place.settle, outcome)
        loop.call_soon_threadsafe(self._end_batch, sum(place.query.rows for place in batch), started)

    def _end_batch(self, rows, started):
        loop = asyncio.get_running_loop()
        seconds = (loop.time() - started) / max(rows, 1) / self._batching.num_batch_threads
        self._row_seconds += _SMOOTHING * (seconds - self._row_seconds)
        self._idle += 1
        self._start_batches()


async def _unless_left(request: "Request", work: Awaitable[str]) -> str:
    """What `work` returns or raises; it is cancelled where the client leaves before (ClientDisconnect)."""
    from starlette.requests import ClientDisconnect

    async def until_left():
        # After the body, the only message that a request still gets is that its client has left.
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working = asyncio.ensure_future(work)
    tasks = working, asyncio.ensure_future(until_left())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        for task in tasks:
            task.cancel()
