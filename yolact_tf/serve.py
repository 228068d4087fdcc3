"""HTTP over an exported SavedModel: TF Serving's REST protocol, and a demo page at `/`."""

import contextlib
import dataclasses
import html
import importlib.resources
import logging
import os
import re
import signal
import socket
import threading

import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from yolact_tf.json_tensors import (
    decode_inputs,
    encode_columns,
    encode_json,
    encode_rows,
    parse_request,
    shown,
)
from yolact_tf.model_folder import load_saved_model, require_versions

DEFAULT_SIGNATURE = "serving_default"
# Stops a gzip bomb, not a photograph: a batch of 32 raw 550 px images in JSON is about 110 MB.
MAX_BODY_BYTES = 256 * 2**20
SHUTDOWN_SECONDS = 10  # how long a running prediction may take to finish after SIGTERM
MODEL_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18}))?(?P<action>/metadata|:predict)?"
)
# The page is one file: nothing but its own script, its own style and this server.
PAGE_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src blob: data:;"
    " script-src 'unsafe-inline'; style-src 'unsafe-inline'"
)

logger = logging.getLogger(__name__)


class RequestError(Exception):
    """A request that cannot be answered; `status` is its HTTP status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class ServedVersion:
    """One loaded version; `module` is held because signatures alone let their variables be freed."""

    number: int
    signatures: dict
    signature_def: dict
    module: object


class Servable:
    """A named model and its versions, each loaded when it is first asked for."""

    def __init__(self, name, folders):
        self.name = name
        self.folders = dict(sorted(folders.items(), reverse=True))  # newest first, as TF Serving lists them
        self._loaded = {}
        self._lock = threading.Lock()

    def version(self, number):
        """Returns the `ServedVersion` of a number in `folders`, or raises ValueError: damaged files."""
        with self._lock:
            if number not in self._loaded:
                self._loaded[number] = _load_version(number, self.folders[number])
            return self._loaded[number]


def load_servable(path, name="yolact"):
    """Opens an export for serving and loads its newest version.

    path: a folder in TF Serving's layout (PATH/<integer>/saved_model.pb), or one that holds saved_model.pb
    itself, which counts as version 1. Versions are those present now: one added later is not seen.
    Raises FileNotFoundError where the path is missing, ValueError where it holds no SavedModel.
    """
    if not re.fullmatch(r"[^/:?#%]+", name):
        raise ValueError(f"`name` must have at least one character and none of '/:?#%'. Received: {name!r}")
    folders = require_versions(path)
    servable = Servable(name, folders)
    servable.version(max(folders))
    return servable


def build_app(servable):
    """Returns the Starlette application that serves `servable` and the demo page."""
    with _serve_extra():
        from anyio import CapacityLimiter
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.responses import Response
        from starlette.routing import Route
    # Each prediction already fills every core: more at once would only add memory.
    limiter = CapacityLimiter(os.cpu_count() or 1)
    page = importlib.resources.files("yolact_tf").joinpath("serve_page.html").read_text("utf-8")
    page = page.replace("{{model}}", html.escape(servable.name))

    async def show_page(request):
        return Response(page, media_type="text/html", headers={"Content-Security-Policy": PAGE_POLICY})

    async def answer(request):
        status, text = await _answer_or_refuse(servable, request, limiter)
        return Response(text.encode("utf-8", "replace"), status, media_type="application/json")

    async def refuse(request, error):
        text = encode_json({"error": error.detail})
        return Response(text, error.status_code, media_type="application/json")

    routes = [Route("/", show_page), Route("/{path:path}", answer, methods=["GET", "POST"])]
    return Starlette(routes=routes, exception_handlers={HTTPException: refuse})


def serve(path, host="127.0.0.1", port=8501, name="yolact"):
    """Serves an export over HTTP until SIGINT or SIGTERM, then finishes running requests and returns.

    port: 0 takes any free one; the log names it.
    Raises ValueError where the port cannot be had or the `serve` extra is missing, or as `load_servable`.
    """
    with _serve_extra():
        import uvicorn
    # The port is taken before the slow load, so that a second server fails at once.
    with _listen(host, port) as listener, _ended_by_signals():
        servable = load_servable(path, name)
        app = build_app(servable)
        config = uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=SHUTDOWN_SECONDS)
        address = f"[{host}]" if ":" in host else host
        # uvicorn's own logger: it is the one that Config has just set up.
        logging.getLogger("uvicorn.error").info(
            "%s version %d: demo page http://%s:%d/, REST http://%s:%d/v1/models/%s:predict",
            name, max(servable.folders), *(address, listener.getsockname()[1]) * 2, name,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listener])


@contextlib.contextmanager
def _serve_extra():
    try:
        yield
    except ImportError as error:
        raise ValueError(f"`serve` needs {error.name}: pip install 'yolact_tf[serve]'") from error


def _listen(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
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


def _load_version(number, folder):
    module = load_saved_model(folder)
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    complete = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    signatures = sorted(graph.signature_def.items())
    signature_def = {key: json_format.MessageToDict(value, **complete) for key, value in signatures}
    return ServedVersion(number, dict(module.signatures), signature_def, module)


async def _answer_or_refuse(servable, request, limiter):
    """Returns (HTTP status, JSON text): the server outlives whatever one request meets."""
    from starlette.requests import ClientDisconnect

    try:
        return 200, await _answer(servable, request, limiter)
    except ClientDisconnect:
        return 400, encode_json({"error": "The client left before its request had ended"})
    except RequestError as error:
        return error.status, encode_json({"error": str(error)})
    except Exception as error:
        logger.exception("%s %s failed", request.method, request.scope["path"])
        return 500, encode_json({"error": f"Internal error: {_one_line(error)}"})


async def _answer(servable, request, limiter):
    """Returns the JSON text that answers one request to the REST API."""
    from anyio.to_thread import run_sync as run_in_thread

    path = request.scope["path"]
    match = MODEL_PATH.fullmatch(path)
    if match is None:
        expected = "/v1/models/NAME[/versions/V][/metadata|:predict]"
        raise RequestError(404, f"Path must be {expected}. Received: {path}")
    name, number, action = match.group("name", "version", "action")
    if name != servable.name or (number and int(number) not in servable.folders):
        offered = f"{servable.name} with versions {sorted(servable.folders)}"
        raise RequestError(404, f"Servable not found: this server has {offered}. Received: {path}")
    method = "POST" if action == ":predict" else "GET"
    if request.method not in (method, method.replace("GET", "HEAD")):
        raise RequestError(400, f"Malformed request: {path} takes {method}. Received: {request.method}")
    if action is None:
        return encode_json(_status([int(number)] if number else servable.folders))
    number = int(number or max(servable.folders))
    if action == "/metadata":
        return encode_json(await run_in_thread(_metadata, servable, number))
    body = await _read_body(request)
    is_gzip = request.headers.get("content-encoding", "").strip().lower() in ("gzip", "x-gzip")
    return await run_in_thread(_predict, servable, number, body, is_gzip, limiter=limiter)


def _status(numbers):
    healthy = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    return {"model_version_status": [{"version": str(number)} | healthy for number in numbers]}


def _metadata(servable, number):
    return {
        "model_spec": {"name": servable.name, "signature_name": "", "version": str(number)},
        "metadata": {"signature_def": {"signature_def": servable.version(number).signature_def}},
    }


async def _read_body(request):
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RequestError(400, f"The body must be at most {MAX_BODY_BYTES} bytes. Received: more")
    return bytes(body)


def _predict(servable, number, body, is_gzip):
    """Returns the JSON text that answers a predict request, or raises RequestError where it does not fit."""
    version = servable.version(number)
    with _refusing(ValueError):
        request = parse_request(body, is_gzip, MAX_BODY_BYTES)
        signature = _signature(version.signatures, request.get("signature_name") or DEFAULT_SIGNATURE)
        inputs = decode_inputs(request, signature.structured_input_signature[1])
    # What TensorFlow raises for values that it cannot use, such as bytes that are no image.
    with _refusing(tf.errors.InvalidArgumentError, tf.errors.DataLossError):
        outputs = dict(sorted(signature(**inputs).items()))
    with _refusing(ValueError):
        if "instances" in request:
            return f'{{"predictions":{encode_rows(outputs)}}}'
        return f'{{"outputs":{encode_columns(outputs)}}}'


def _signature(signatures, name):
    if not isinstance(name, str) or name not in signatures:
        raise ValueError(f"`signature_name` must be one of {sorted(signatures)}. Received: {shown(name)}")
    return signatures[name]


@contextlib.contextmanager
def _refusing(*kinds):
    try:
        yield
    except kinds as error:
        raise RequestError(400, _one_line(error)) from error


def _one_line(error):
    """Returns an error's own words, without the traces that TensorFlow puts before and after them."""
    lines = [line.strip() for line in str(error).split("[[{{node")[0].splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
