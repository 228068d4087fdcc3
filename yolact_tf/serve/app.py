"""The server: an export's REST API and its demo page, from the port to the signal that ends it."""

import contextlib
import logging
import signal
import socket
import threading
from typing import TYPE_CHECKING

from yolact_tf.files import PathLike
from yolact_tf.serve import protocol
from yolact_tf.serve.json_tensors import encode_json
from yolact_tf.serve.limits import Limits, RequestError
from yolact_tf.serve.page_files import page_routes
from yolact_tf.serve.prediction_queue import Jobs
from yolact_tf.serve.request_bodies import Intake
from yolact_tf.serve.servable import Servable, load_servable, one_line

if TYPE_CHECKING:
    from starlette.applications import Starlette

SHUTDOWN_SECONDS = 10  # how long a running prediction may take to finish after SIGTERM

logger = logging.getLogger(__name__)


def build_app(servable: Servable, limits: Limits | None = None) -> "Starlette":
    """Returns the Starlette application that serves `servable` and the demo page.

    limits: a `Limits`. The line of predictions is `app.state.jobs`.
    """
    with _serve_extra():
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.responses import Response
        from starlette.routing import Route
    limits = limits or Limits()
    intake, jobs = Intake(limits), Jobs(limits.queue)

    async def answer(request):
        status, text = await _answer_or_refuse(servable, request, intake, jobs)
        return Response(text.encode("utf-8", "replace"), status, media_type="application/json")

    async def refuse(request, error):  # Starlette's own error: no route takes the method
        refusal = protocol.malformed(request.method, request.scope["path"])
        text = encode_json({"error": str(refusal)})
        return Response(text, refusal.status, media_type="application/json")

    routes = [*page_routes(servable.name), Route("/{path:path}", answer, methods=["GET", "POST"])]
    app = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    app.state.jobs = jobs
    return app


def serve(
    path: PathLike,
    host: str = "127.0.0.1",
    port: int = 8501,
    name: str = "yolact",
    limits: Limits | None = None,
) -> None:
    """Serves an export over HTTP until SIGINT or SIGTERM, then finishes running requests and returns.

    port: 0 takes any free one; the log names it.  limits: a `Limits`, what a request may be at most.
    Raises ValueError where the port cannot be had or the `serve` extra is missing, or as `load_servable`.
    """
    with _serve_extra():
        import uvicorn
    # The port is taken before the slow load, so that a second server fails at once.
    with _listen(host, port) as listener, _ended_by_signals():
        servable = load_servable(path, name)
        app = build_app(servable, limits)
        config = uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=SHUTDOWN_SECONDS)
        address = f"[{host}]" if ":" in host else host
        # uvicorn's own logger: it is the one that Config has just set up.
        logging.getLogger("uvicorn.error").info(
            "%s version %d: demo page http://%s:%d/, REST http://%s:%d/v1/models/%s:predict",
            name, max(servable.folders), *(address, listener.getsockname()[1]) * 2, name,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listener])


async def _answer_or_refuse(servable, request, intake, jobs):
    """Returns (HTTP status, JSON text): the server outlives whatever one request meets."""
    from starlette.requests import ClientDisconnect

    try:
        return 200, await _answer(servable, request, intake, jobs)
    except ClientDisconnect:
        return 400, encode_json({"error": "The client left before its request was answered"})
    except RequestError as error:
        return error.status, encode_json({"error": str(error)})
    except Exception as error:
        logger.exception("%s %s failed", request.method, request.scope["path"])
        return 500, encode_json({"error": f"Internal error: {one_line(error)}"})


async def _answer(servable, request, intake, jobs):
    """Returns the JSON text that answers one request to the REST API."""
    from anyio.to_thread import run_sync as run_in_thread

    action, version = protocol.resolve(servable, request.method, request.scope["path"])
    if action == "":
        return protocol.status(servable, version)
    if action == "/metadata":
        return await run_in_thread(protocol.metadata, servable, version)
    is_gzip = request.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    async with intake.body(request) as body:
        return await jobs.run(request, protocol.predict, servable, version, body, is_gzip, intake.limits)


@contextlib.contextmanager
def _serve_extra():
    try:
        yield
    except ImportError as error:
        raise ValueError(f"`serve` needs {error.name}: pip install 'yolact_tf[serve]'") from error


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if not 0 <= port < 1 << 16:  # `create_server` would leave its socket open
            raise OverflowError("ports are 0..65535")
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        received = f"{host}:{port} ({reason})"
        raise ValueError(f"`port` must be free on this machine. Received: {received}") from error


@contextlib.contextmanager
def _ended_by_signals():
    """Lets SIGINT and SIGTERM end the block without an error; uvicorn raises them anew after its shutdown."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
