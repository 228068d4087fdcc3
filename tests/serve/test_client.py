"""The client against real servers, and against ones that fail in all the ways that a network has."""

import base64
import contextlib
import io
import json
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tests.colour_finder import NAMES, draw, serving
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.images.decoding import read_image
from yolact_tf.serve import Client, Limits, ServerError, build_app, load_servable
from yolact_tf.serve.answers import read_detections
from yolact_tf.serve.client import DETECTING

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")


@pytest.fixture(scope="module")
def server(servable):
    with serving(build_app(servable, Limits(batch=4))) as (host, port):
        yield f"http://{host}:{port}"


@pytest.fixture
def client(server):
    with Client(server) as client:
        yield client


def test_an_image_may_be_a_path_bytes_or_pixels(client, tmp_path):
    encoded, masks = draw()
    (tmp_path / "grün 1.png").write_bytes(encoded)
    pixels = np.asarray(Image.open(io.BytesIO(encoded)))
    for image in (tmp_path / "grün 1.png", str(tmp_path / "grün 1.png"), encoded, pixels):
        found = client(image)
        assert isinstance(found, Detections) and found.image_size == (30, 40)
        assert found.class_names == tuple(NAMES) and found.class_ids.tolist() == [1, 2]
        assert_array_equal(found.masks, masks)
        assert_array_equal(found.boxes[1], [29, 4, 40, 27])
        assert_allclose(found.scores, [0.9, 0.35])


def test_several_images_are_one_request(client):
    images = [draw(30, 40)[0], np.asarray(Image.open(io.BytesIO(draw(50, 31)[0])))]
    assert [found.image_size for found in client(images)] == [(30, 40), (50, 31)]
    assert client([]) == []


def test_a_refusal_is_an_error_in_the_words_of_the_server(client, server):
    with pytest.raises(ServerError, match="answered 400: A request must have at most 4 rows") as caught:
        client([draw()[0]] * 5)
    assert caught.value.status == 400 and caught.value.retry_after is None
    for other, named in (
        (Client(server, version=3), "Specific\\(yolact, 3\\)"),
        (Client(server, "größer 2"), "Latest\\(größer 2\\)"),
    ):
        with other, pytest.raises(ServerError, match=f"404: Servable not found for request: {named}"):
            other(draw()[0])
    assert client(draw()[0]).image_size == (30, 40)


def test_it_tells_which_versions_there_are(client):
    assert client.versions() == {10: "AVAILABLE", 2: "AVAILABLE"}


def test_threads_may_share_one(client):
    sizes = [(30 + i, 40 + i) for i in range(8)]
    found = {}

    def ask(size):
        found[size] = client(draw(*size)[0]).image_size

    threads = [threading.Thread(target=ask, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict(zip(sizes, sizes))


@pytest.fixture(scope="module")
def real(saved_model, shapes_data):
    """(url, file of an image, its Detections) of a server of an export."""
    path = min((shapes_data / "images").glob("val_*"))
    expected = Detector.from_artefact(saved_model)(read_image(path))
    with serving(build_app(load_servable(saved_model))) as (host, port):
        yield f"http://{host}:{port}", path, expected


@pytest.mark.parametrize("signature", DETECTING)
def test_each_signature_has_the_detections_of_the_artefact(real, signature):
    url, path, expected = real
    with Client(url, signature=signature) as client:
        for given in (path, read_image(path)):
            found = client(given)
            assert len(found) and found.image_size == expected.image_size
            count = len(found)
            assert_array_equal(found.class_ids, expected.class_ids[:count])
            assert_allclose(found.scores, expected.scores[:count], atol=1e-3)
            assert_allclose(found.boxes, expected.boxes[:count], atol=0.1)
            assert (found.masks != expected.masks[:count]).mean() < 1e-3
            if signature in ("serving_default", "png"):
                assert found.class_names == expected.class_names[:count]


ROW = {
    "num_detections": 1,
    "boxes": [[0.0, 0.0, 1.0, 1.0]] * 2,
    "scores": [0.5, 0.0],
    "classes": [7, -1],
    "class_names": ["fig", ""],
    "masks_rle": ["04", ""],
    "image_size": [2, 2],
}


def test_an_answer_worked_by_hand():
    """ "04" are runs of 0 zeros and 4 ones: all four pixels."""
    found = read_detections(ROW | {"mask_scores": [0.25, 0.0]})
    assert (len(found), found.class_names, found.mask_scores.tolist()) == (1, ("fig",), [0.25])
    assert found.masks.all() and found.to_coco(3)[0]["segmentation"] == {"size": [2, 2], "counts": "04"}
    none = read_detections(ROW | {"num_detections": 0})
    assert len(none) == 0 and none.masks.shape == (0, 2, 2) and none.boxes.shape == (0, 4)


@pytest.mark.parametrize(
    "row",
    [
        {},
        [],
        None,
        {key: value for key, value in ROW.items() if key != "boxes"},
        ROW | {"masks_rle": ["05", ""]},
        ROW | {"boxes": [["x"] * 4]},
        {key: value for key, value in ROW.items() if key != "masks_rle"}
        | {"masks_png_bytes": [{"b64": "eA=="}]},
    ],
)
def test_an_answer_of_something_else_is_named(row):
    with pytest.raises(ValueError, match="^Expected an answer of `yolact export`'s signatures. Received: ."):
        read_detections(row)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "localhost:8501"}, "`url` must be http"),
        ({"url": "ftp://x"}, "`url` must be http"),
        ({"signature": "raw"}, "`signature` must be one of"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        Client(**arguments)


@pytest.mark.parametrize("image", [np.zeros((3, 4)), np.zeros((3, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_pixels_must_be_an_image(client, image):
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]. Received: (float64|uint8) \["):
        client(image)
    with pytest.raises(FileNotFoundError):
        client("no such.png")


class Scripted:
    """A server that treats its connections as a script says, the last word for all that follow.

    "hang up", "cut" (in the middle of an answer), "garbage", "silence", or what it answers.
    """

    def __init__(self, *script):
        self.script = list(script)
        self.paths = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://{}:{}".format(*self._listener.getsockname())
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                with contextlib.suppress(OSError):
                    self._treat(connection, self.script.pop(0) if len(self.script) > 1 else self.script[0])

    def _treat(self, connection, word):
        with connection.makefile("rb") as request:
            self.paths.append(request.readline().split()[1].decode())
            length = 0
            while line := request.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            request.read(length)
        if word == "silence":
            return
        if word == "cut":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        elif word == "garbage":
            connection.sendall(b"no HTTP at all\r\n\r\n")
        elif word != "hang up":
            connection.sendall(word)
        connection.close()

    def close(self):
        for connection in self._open:
            connection.close()
        self._listener.close()


def answer(content, status="200 OK", headers=""):
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(text)}\r\n\r\n".encode() + text


@pytest.fixture
def scripted(monkeypatch):
    monkeypatch.setattr("yolact_tf.serve.client.RETRY_SECONDS", 0.001)
    with contextlib.ExitStack() as stack:

        def start(*script):
            return stack.enter_context(contextlib.closing(Scripted(*script)))

        yield start


def test_failed_connections_are_tried_again(scripted):
    endless = b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000
    server = scripted("hang up", "cut", "garbage", endless, answer({"predictions": [ROW]}))
    with Client(server.url + "/behind/a/proxy/", "größe", version=4, retries=4) as client:
        assert len(client(b"image")) == 1
    assert server.paths == ["/behind/a/proxy/v1/models/gr%C3%B6%C3%9Fe/versions/4:predict"] * 5


def test_what_never_answers_is_given_up_in_one_line(scripted):
    server = scripted("hang up")
    with pytest.raises(ConnectionError, match=f"{server.url} cannot be reached: .+") as caught:
        Client(server.url, retries=2)(b"image")
    assert len(server.paths) == 3 and "\n" not in str(caught.value)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ConnectionError, match="cannot be reached: .*refused"):
        Client(f"http://127.0.0.1:{port}", retries=1)(b"image")


@pytest.mark.parametrize(
    ("content", "status", "told"),
    [
        ({"error": "busy"}, "503 Service Unavailable", "503: busy"),
        ({"error": "bad\n\tthing"}, "400 Bad Request", "400: bad thing"),
        (b"<html>", "502 Bad Gateway", "502: <html>"),
        (b"no JSON", "200 OK", "200: no JSON"),
    ],
)
def test_an_answer_is_never_asked_for_twice(scripted, content, status, told):
    server = scripted(answer(content, status, "Retry-After: 7\r\n"))
    with Client(server.url) as client, pytest.raises(ServerError, match=told) as caught:
        client(b"image")
    assert len(server.paths) == 1 and caught.value.retry_after == 7


@pytest.mark.parametrize(
    "content", [{"predictions": []}, {"predictions": {}}, {}, {"predictions": [ROW, ROW]}]
)
def test_as_many_answers_as_images_are_needed(scripted, content):
    with (
        Client(scripted(answer(content)).url) as client,
        pytest.raises(ValueError, match="expected 1 predictions. Received"),
    ):
        client(b"image")


def test_silence_ends_with_the_timeout_and_is_not_asked_again(scripted):
    server = scripted("silence")
    with pytest.raises(TimeoutError, match=f"{server.url} did not answer within 0.2 s"):
        Client(server.url, timeout=0.2)(b"image")
    assert len(server.paths) == 1


def test_a_connection_that_the_server_closed_meanwhile_is_none(scripted):
    server = scripted(answer({"predictions": [ROW]}))
    with Client(server.url, retries=0) as client:
        for _ in range(3):
            assert len(client(b"image")) == 1


def test_headers_travel_with_every_request(scripted, monkeypatch):
    server = scripted(answer({"predictions": [ROW]}))
    with Client(server.url, headers={"Authorization": "Bearer x"}) as client:
        assert client.headers["Authorization"] == "Bearer x"
        assert len(client(b"image")) == 1


def test_it_starts_neither_tensorflow_nor_keras():
    image = base64.b64encode(draw()[0]).decode()
    code = (
        "import base64, sys\nfrom yolact_tf.serve import Client\n"
        "client = Client('http://127.0.0.1:1', retries=0)\n"
        "try: client(base64.b64decode(sys.argv[1]))\n"
        "except ConnectionError: print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code, image], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
