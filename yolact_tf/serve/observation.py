"""What is known of each request afterwards: a line of JSON in the log, and the measurements."""

import contextlib
import datetime
import json
import logging
import sys
import time
from collections.abc import Iterator
from typing import Any

from yolact_tf.serve.metrics import Metrics

LEFT = 499  # what nginx logs for a client that did not wait for its answer

logger = logging.getLogger("yolact_tf.serve.requests")


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """Has what happens written to stderr and a line a request to stdout, as long as the block runs."""
    events, requests = logging.StreamHandler(sys.stderr), logging.StreamHandler(sys.stdout)
    events.setFormatter(logging.Formatter("yolact: %(message)s"))
    handlers = {"uvicorn": events, "yolact_tf.serve": events, logger.name: requests}
    loggers = {logging.getLogger(name): handler for name, handler in handlers.items()}
    before = [(each, each.level, each.propagate) for each in loggers]
    for each, handler in loggers.items():
        each.addHandler(handler)
        each.setLevel(logging.INFO)
        each.propagate = False
    try:
        yield
    finally:
        for each, level, propagate in before:
            each.removeHandler(loggers[each])
            each.setLevel(level)
            each.propagate = propagate


class Observed:
    """An ASGI application that logs and measures each request to another, never its body.

    What the application writes into `request.state.notes`, a dict, goes into the line.
    """

    def __init__(self, app: Any, metrics: Metrics):
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        notes: dict[str, Any] = {}
        scope.setdefault("state", {})["notes"] = notes
        started, seen = time.perf_counter(), {"status": LEFT, "bytes": 0}

        async def observe(message):
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            seen["bytes"] += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            seconds = time.perf_counter() - started
            self._count(notes, notes.pop("status", seen["status"]), seconds)
            logger.info(_line(scope, seen | {"ms": round(1000 * seconds, 1)} | notes))

    def _count(self, notes, status, seconds):
        self._metrics.requests.add(notes.get("action", "other"), status)
        if notes.get("action") == "predict":
            self._metrics.seconds.observe(seconds)


def _line(scope, facts):
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    client = scope["client"][0] if scope.get("client") else None
    request = {"time": now, "client": client, "method": scope["method"], "path": scope["path"]}
    return json.dumps(request | facts)
