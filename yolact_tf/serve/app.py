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
from yolact_tf.serve.limits import Batching, Limits, RequestError
from yolact_tf.serve.metrics import CONTENT_TYPE, Gauge, Metrics
from yolact_tf.serve.observation import LEFT, Observed, logged
from yolact_tf.serve.page_files import page_routes
from yolact_tf.serve.prediction_queue import PredictionQueue
from yolact_tf.serve.request_bodies import Intake
from yolact_tf.serve.servable import Servable, load_servable, one_line

if TYPE_CHECKING:
    from starlette.applications import Starlette

SHUTDOWN_SECONDS = 120  # for what is accepted at SIGTERM; a second signal ends it at once
BACKLOG = 1024  # connections that the system holds for us while we are busy

logger = logging.getLogger(__name__)


def build_app(
    servable: Servable, limits: Limits | None = None, batching: Batching | None = None
) -> "Starlette":
    """Returns the Starlette application that serves `servable`, the demo page, /healthz and /metrics.

    The line of predictions is `app.state.queue`.
    """
    with _serve_extra():
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.middleware import Middleware
        from starlette.routing import Route
    limits, metrics = limits or Limits(), Metrics()
    intake = Intake(limits)
    queue = PredictionQueue(limits, batching or Batching(), metrics.batch_rows.observe)
    _add_gauges(metrics, servable, queue)

    async def answer(request):
        return _json_response(*await _answer_or_refuse(servable, request, intake, queue))

    async def refuse(request, error):  # Starlette's own error: no route takes the method
        return _json_response(*_refusal(request, protocol.malformed(request.method, request.scope["path"])))

    routes = [
        *page_routes(servable.name),
        *_routes_of_operators(metrics),
        Route("/{path:path}", answer, methods=["GET", "POST"]),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={HTTPException: refuse},
        middleware=[Middleware(Observed, metrics=metrics)],
    )
    app.state.queue = queue
    return app


def serve(
    path: PathLike,
    host: str = "127.0.0.1",
    port: int = 8501,
    name: str = "yolact",
    limits: Limits | None = None,
    batching: Batching | None = None,
    all_versions: bool = False,
) -> None:
    """Serves an export over HTTP until SIGINT or SIGTERM, then finishes what it has accepted and returns.

    port: 0 takes any free one; the log names it.  all_versions: serves each version that is there, and not
    only the newest; new ones are found in either case.
    Raises ValueError where the port cannot be had or the `serve` extra is missing, or as `load_servable`.
    """
    with _serve_extra():
        import uvicorn

        from yolact_tf.serve.connections import patient_for
    limits = limits or Limits()
    # The port is taken before the slow load, so that a second server fails at once.
    with _listen(host, port) as listener, _ended_by_signals(), logged():
        _allow_many_connections()
        servable = load_servable(path, name, all_versions)
        config = uvicorn.Config(
            build_app(servable, limits, batching),
            http=patient_for(limits.seconds),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        address = f"[{host}]" if ":" in host else host
        logger.info(
            "%s version %d: demo page http://%s:%d/, REST http://%s:%d/v1/models/%s:predict",
            name, servable.version().number, *(address, listener.getsockname()[1]) * 2, name,
        )  # fmt: skip
        with servable.followed():
            uvicorn.Server(config).run(sockets=[listener])


def _routes_of_operators(metrics):
    from starlette.responses import Response
    from starlette.routing import Route

    async def show_health(request):
        return Response("ok", media_type="text/plain")

    async def show_metrics(request):
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return [Route("/healthz", show_health), Route("/metrics", show_metrics)]


def _add_gauges(metrics, servable, queue):
    metrics.add("yolact_pending_requests", "Predict requests that wait or run.", Gauge(lambda: queue.pending))
    newest = Gauge(lambda: servable.version().number)
    metrics.add("yolact_served_version", "The newest version that is served.", newest)


def _json_response(status, text, headers):
    from starlette.responses import Response

    return Response(text.encode("utf-8", "replace"), status, headers, "application/json")


async def _answer_or_refuse(servable, request, intake, queue):
    """Returns (HTTP status, JSON text, headers): the server outlives whatever one request meets."""
    from starlette.requests import ClientDisconnect

    try:
        return 200, await _answer(servable, request, intake, queue), {}
    except ClientDisconnect:
        request.state.notes["status"] = LEFT
        return _refusal(request, RequestError(400, "The client left before its request was answered"))
    except RequestError as error:
        return _refusal(request, error)
    except Exception as error:
        logger.exception("%s %s failed", request.method, request.scope["path"])
        return _refusal(request, RequestError(500, f"Internal error: {one_line(error)}"))


def _refusal(request, error):
    request.state.notes["error"] = str(error)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return error.status, encode_json({"error": str(error)}), headers


async def _answer(servable, request, intake, queue):
    """Returns the JSON text that answers one request to the REST API."""
    from anyio.to_thread import run_sync as run_in_thread

    action, number = protocol.resolve(servable, request.method, request.scope["path"])
    notes = request.state.notes
    notes["action"] = action.strip("/:") or "status"
    if action == "":
        return protocol.status(servable, number)
    if action == "/metadata":
        return await run_in_thread(protocol.metadata, servable, number)
    is_gzip = request.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    version = protocol.find(servable, number)
    async with intake.body(request) as body:

        def read():
            query = protocol.read_query(version, body, is_gzip, intake.limits)
            notes.update(version=version.number, signature=query.signature, rows=query.rows)
            return query

        return await queue.answer(request, read)


def _allow_many_connections():
    """Slow clients shall not take all the files that the process may have open, often a mere 1024."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, or not allowed
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))


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
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
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
