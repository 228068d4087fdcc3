"""Asks a server, TF Serving or `yolact serve`, for Detections: no TensorFlow on this side."""

import base64
import contextlib
import http.client
import io
import json
import os
import select
import time
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from PIL import Image

from yolact_tf.detect.detections import Detections
from yolact_tf.serve.answers import read_detections

ImageLike = str | os.PathLike[str] | bytes | np.ndarray
OF_PIXELS = ("tensors", "evaluation")  # signatures that take decoded images
DETECTING = ("serving_default", "png", *OF_PIXELS)
LONGEST = 300  # characters of a server's words; TensorFlow's errors hold whole stacks
RETRY_SECONDS = 0.2  # before the first retry, twice as long before each further one
# What is raised where a connection cannot be had, or ends before an answer of HTTP has come.
_UNANSWERED = (OSError, http.client.HTTPException)


class ServerError(ValueError):
    """A server's refusal, in its words; `status` is its HTTP status.

    retry_after: seconds after which it wants to be asked again, where it says so.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class Client:
    """Detects on a server: Client("http://localhost:8501")(image) -> Detections.

    url: of the server, with what a proxy puts before /v1, if anything.  version: the newest without one.
    signature: one with detections.  timeout: seconds for a connection, and for each wait for the server.
    retries: how often it tries again where a connection fails or ends without an answer; an answer, also a
    refusal, is never asked for twice, nor what takes longer than `timeout`.  headers: of every request.
    Connections are kept open, one for each thread that asks at the same time.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8501",
        model: str = "yolact",
        *,
        version: int | None = None,
        signature: str = "serving_default",
        timeout: float = 60.0,
        retries: int = 3,
        headers: Mapping[str, str] | None = None,
    ):
        address = urllib.parse.urlsplit(url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"`url` must be http://HOST:PORT or https://…. Received: {url!r}")
        if signature not in DETECTING:
            raise ValueError(f"`signature` must be one of {DETECTING}. Received: {signature!r}")
        self.url = url
        self.signature = signature
        self.timeout = timeout
        self.retries = retries
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        is_safe = address.scheme == "https"
        self._kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
        self._host, self._port = address.hostname, address.port or (443 if is_safe else 80)
        versions = "" if version is None else f"/versions/{version}"
        model_path = f"/v1/models/{urllib.parse.quote(model, safe='')}"
        self._path = f"{address.path.rstrip('/')}{model_path}{versions}"
        self._idle: list[http.client.HTTPConnection] = []  # appending and popping are atomic

    @overload  # a text is a path, though it is a sequence of texts, too
    def __call__(self, images: ImageLike) -> Detections: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, images: Sequence[ImageLike]) -> list[Detections]: ...
    def __call__(self, images: Any) -> Detections | list[Detections]:
        """The Detections of one image, or of several in one request.

        images: the path of an image file, its bytes, or uint8 RGB [H, W, 3]; or a list of them. Signatures
        of pixels take images of one size only.
        Raises ServerError: a refusal; ConnectionError or TimeoutError: no answer; ValueError: an answer that
        is none of `yolact export`, or an image that is none; FileNotFoundError.
        """
        if isinstance(images, (str, os.PathLike, bytes, np.ndarray)):
            return self([images])[0]
        if self.signature in OF_PIXELS:
            inputs = [_pixels(image) for image in images]
            values, sizes = [image.tolist() for image in inputs], [image.shape[:2] for image in inputs]
        else:
            values = [_base64(_encoded(image)) for image in images]
            sizes = [None] * len(values)  # the answer tells
        if not values:
            return []
        request = {"signature_name": self.signature, "instances": values}
        rows = self._ask("POST", ":predict", request).get("predictions")
        if not isinstance(rows, list) or len(rows) != len(values):
            raise ValueError(f"{self.url}: expected {len(values)} predictions. Received: {str(rows)[:80]}")
        return [read_detections(row, size) for row, size in zip(rows, sizes, strict=True)]

    def versions(self) -> dict[int, str]:
        """{version: state} of the model, such as {2: "AVAILABLE", 1: "END"}."""
        told = self._ask("GET", "").get("model_version_status", ())
        return {int(entry["version"]): entry["state"] for entry in told}

    def close(self) -> None:
        """Closes its connections; it opens new ones if it is asked again."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _ask(self, method, action, content=None):
        """The JSON object that the server answers."""
        body = None if content is None else json.dumps(content).encode()
        status, headers, text = self._exchange(method, self._path + action, body)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if status == 200 and isinstance(answer, dict):
            return answer
        told = answer.get("error") if isinstance(answer, dict) else text.decode("utf-8", "replace")
        retry_after = headers.get("Retry-After", "")
        raise ServerError(
            status,
            f"{self.url} answered {status}: {' '.join(str(told).split())[:LONGEST]}",
            int(retry_after) if retry_after.isdigit() else None,
        )

    def _exchange(self, method, path, body):
        """(status, headers, bytes) of an answer. ConnectionError or TimeoutError where none comes."""
        failure: BaseException | None = None
        # A connection that was kept open may be closed just now, which is no failure of the server.
        for attempt in range(self.retries + 1 + bool(self._idle)):
            if attempt:
                time.sleep(RETRY_SECONDS * 2 ** (attempt - 1))
            try:
                return self._exchange_over(self._connected(), method, path, body)
            except TimeoutError:
                raise TimeoutError(f"{self.url} did not answer within {self.timeout} s") from None
            except _UNANSWERED as error:
                failure = error
        raise ConnectionError(f"{self.url} cannot be reached: {failure or 'no answer'}") from failure

    def _exchange_over(self, connection, method, path, body):
        try:
            # A server may refuse a body before it has all of it.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, path, body, self.headers)
            response = connection.getresponse()
            answer = response.status, response.headers, response.read()
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:  # else the server wants no more over this one
            self._idle.append(connection)
        return answer

    def _connected(self):
        """A connection that was kept open, unless the server has closed it, or a new one. ConnectionError."""
        while self._idle:
            connection = self._idle.pop()
            if not select.select([connection.sock], [], [], 0)[0]:  # what it has to say now is its end
                return connection
            connection.close()
        connection = self._kind(self._host, self._port, timeout=self.timeout)
        try:
            connection.connect()
        except TimeoutError as error:
            raise ConnectionError(f"no connection within {self.timeout} s") from error
        return connection


def _encoded(image):
    """The bytes of an image file."""
    if isinstance(image, np.ndarray):
        file = io.BytesIO()
        # Quick, and as exact as any PNG.
        Image.fromarray(_require_pixels(image)).save(file, "PNG", compress_level=1)
        return file.getvalue()
    return image if isinstance(image, bytes) else Path(image).read_bytes()


def _pixels(image):
    """[H, W, 3] uint8 RGB, upright."""
    if isinstance(image, np.ndarray):
        return _require_pixels(image)
    # What decodes also has graph code, and starts TensorFlow where that is installed.
    from yolact_tf.images.with_pillow import decoded_by_pillow

    name = "image" if isinstance(image, bytes) else image
    return decoded_by_pillow(_encoded(image), name)


def _require_pixels(image):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"An image must be uint8 [H, W, 3]. Received: {image.dtype} {list(image.shape)}")
    return image


def _base64(content):
    return {"b64": base64.b64encode(content).decode("ascii")}
