"""The server over real HTTP: a small SavedModel, every kind of answer and every refusal."""

import contextlib
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from pycocotools import mask as coco_mask

from tests.colour_finder import NAMES, SLOTS, Gate, draw, save_export, serving
from tests.image_bombs import gif, png_header
from tests.serve.asking import PREDICT, b64, send, wait_until
from yolact_tf.images.headers import require_pixels
from yolact_tf.serve import Limits, build_app, load_servable, serve
from yolact_tf.serve.servable import one_line

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    return save_export(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def servable(export):
    return load_servable(export, all_versions=True)


@pytest.fixture(scope="module")
def server(servable):
    """(host, port) of a real server; every test that calls it finds it still answering afterwards."""
    with serving(build_app(servable)) as address:
        yield address


@pytest.fixture
def call(server):
    yield lambda *arguments, **keywords: send(server, *arguments, **keywords)
    assert send(server, "GET", "/v1/models/yolact")[0] == 200


OLD_PREDICT = "/v1/models/yolact/versions/2:predict"


def test_rows_answer_boxes_classes_and_masks_of_each_image(call):
    (first, masks), (second, _) = draw(), draw(50, 31)
    status, reply = call(
        "POST", PREDICT, {"instances": [{"image_bytes": b64(first)}, {"image_bytes": b64(second)}]}
    )
    assert status == 200 and list(reply) == ["predictions"]
    found = reply["predictions"][0]
    assert (found["num_detections"], found["image_size"]) == (2, [30, 40])
    assert found["class_names"][:3] == NAMES + [""] and found["classes"][:3] == [1, 2, -1]
    assert found["boxes"][1] == [29.0, 4.0, 40.0, 27.0] and len(found["boxes"]) == SLOTS
    for counts, mask in zip(found["masks_rle"][:2], masks, strict=True):
        np.testing.assert_array_equal(coco_mask.decode({"size": [30, 40], "counts": counts}), mask)
    assert reply["predictions"][1]["image_size"] == [50, 31]


def test_columns_and_bare_values_mean_the_same_as_rows(call):
    image = b64(draw()[0])
    rows = call("POST", PREDICT, {"instances": [image]})[1]["predictions"]
    request = {"instances": [{"image_bytes": image}], "signature_name": "serving_default"}
    assert call("POST", PREDICT, request)[1] == {"predictions": rows}
    for inputs in ({"image_bytes": [image]}, [image]):
        status, reply = call("POST", PREDICT, {"inputs": inputs})
        assert status == 200 and reply["outputs"] == {key: [value] for key, value in rows[0].items()}


def test_binary_values_travel_both_ways(call):
    content = bytes(range(256)) + b"\0"
    request = {"signature_name": "png", "instances": [b64(content), b64(b"")]}
    first, second = call("POST", PREDICT, request)[1]["predictions"]
    assert first == {"masks_png_bytes": [b64(content)], "scores": 1.0} and second["masks_png_bytes"] == [
        b64(b"")
    ]


def test_several_inputs_and_one_output(call):
    request = {"signature_name": "two_inputs", "instances": [{"a": [1, 2.5], "b": 4}, {"a": [0, 0], "b": -1}]}
    assert call("POST", PREDICT, request)[1] == {
        "predictions": [{"sum": 7.5, "twice": 8}, {"sum": -1.0, "twice": -2}]
    }
    request = {"signature_name": "two_inputs", "inputs": {"a": [[1, 2.5]], "b": [4]}}
    assert call("POST", PREDICT, request)[1] == {"outputs": {"sum": [7.5], "twice": [8]}}
    request = {"signature_name": "mean_colour", "inputs": [[[[10, 20, 30]], [[20, 30, 40]]]]}
    assert call("POST", PREDICT, request)[1] == {"outputs": [[15.0, 25.0, 35.0]]}


def test_floats_are_written_short_and_not_numbers_as_tokens(call):
    status, reply = call("POST", OLD_PREDICT, b'{"instances": [1, 3.3, NaN, -Infinity]}')
    assert status == 200 and str(reply) == "{'predictions': [0.1, 0.33, nan, -inf]}"


def test_a_hundred_slots_stay_under_60_kB(call, server):
    body = json.dumps({"signature_name": "crowd", "inputs": [0]}).encode()
    with urllib.request.urlopen("http://{}:{}".format(*server) + PREDICT, body) as response:
        text = response.read()
    assert len(json.loads(text)["outputs"]["masks_rle"][0]) == SLOTS and len(text) < 60_000


def test_versions_and_status(call):
    healthy = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    versions = [{"version": "10"} | healthy, {"version": "2"} | healthy]
    assert call("GET", "/v1/models/yolact") == (200, {"model_version_status": versions})
    assert call("GET", "/v1/models/yolact/versions/2") == (200, {"model_version_status": versions[1:]})
    assert call("POST", "/v1/models/yolact/versions/10:predict", {"inputs": [b64(draw()[0])]})[0] == 200
    assert call("POST", OLD_PREDICT, {"inputs": [5]}) == (200, {"outputs": [0.5]})


def test_metadata_describes_every_signature(call):
    status, reply = call("GET", "/v1/models/yolact/metadata")
    assert status == 200
    assert reply["model_spec"] == {"name": "yolact", "signature_name": "", "version": "10"}
    signatures = reply["metadata"]["signature_def"]["signature_def"]
    default = signatures["serving_default"]
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    name = default["inputs"]["image_bytes"]["name"]
    assert default["inputs"] == {"image_bytes": {"dtype": "DT_STRING", "tensor_shape": shape, "name": name}}
    assert default["method_name"] == "tensorflow/serving/predict" and name.endswith(":0")
    assert [dim["size"] for dim in signatures["two_inputs"]["inputs"]["a"]["tensor_shape"]["dim"]] == [
        "-1",
        "2",
    ]
    old = call("GET", "/v1/models/yolact/versions/2/metadata")[1]
    assert (
        old["model_spec"]["version"] == "2" and "png" not in old["metadata"]["signature_def"]["signature_def"]
    )


def test_gzip_requests_are_read(call):
    body = gzip.compress(json.dumps({"instances": [20]}).encode())
    assert call("POST", OLD_PREDICT, body, {"Content-Encoding": "gzip"}) == (200, {"predictions": [2.0]})


GOOD = {"instances": [b64(draw()[0])]}
REFUSED = {
    "no JSON": (b"{", "must be JSON"),
    "an empty body": (b"", "must be JSON"),
    "not UTF-8": (b'{"instances": ["\xff"]}', "must be JSON"),
    "one list too deep": (b'{"instances": ' + b"[" * 256 + b"]" * 256 + b"}", "256 deep. Received: 257"),
    "as deep as may be": (b'{"instances": ' + b"[" * 255 + b"1" + b"]" * 255 + b"}", "`image_bytes` must be"),
    "deep JSON": (b"[" * 200_000, "at most 256 deep"),
    "many values": (b'{"instances": [' + b"[]," * 2_000_001, "at most 4000000 values"),
    "many rows": ({"instances": ["x"] * 33}, "at most 32 rows. Received: 33"),
    # None of these values would do: rows are counted before values are looked at, which takes its time.
    "many rows that are lists": ({"instances": [[]] * 33}, "at most 32 rows. Received: 33"),
    "many rows in columns": ({"inputs": [3] * 33}, "at most 32 rows. Received: 33"),
    "many rows in one of the columns": (
        {"signature_name": "two_inputs", "inputs": {"a": "x", "b": ["x"] * 33}},
        "at most 32 rows. Received: 33",
    ),
    "a long text among numbers": (
        {"signature_name": "mean_colour", "inputs": [["x" * 10**6, *[0] * 10**5]]},
        "Received: ..'xxx",
    ),
    "a huge image": ({"instances": [b64(png_header(20_000, 20_000))]}, "50000000 pixels.* 400000000"),
    "large images together": ({"instances": [b64(png_header(6000, 6000))] * 2}, "together.* 72000000"),
    "a huge animation": ({"instances": [b64(gif(1000, 1000, frames=51))]}, "pixels.* 51000000"),
    "a list": ([1], "JSON object"),
    "both formats": (GOOD | {"inputs": []}, "Exactly one of"),
    "no format": ({"signature_name": "png"}, "Exactly one of"),
    "no rows": ({"instances": []}, "at least one"),
    "rows that are no list": ({"instances": {"image_bytes": "x"}}, "must be a list"),
    "an unknown signature": (GOOD | {"signature_name": "classify"}, "one of .*'png'.*'classify'"),
    "a signature that is no text": (GOOD | {"signature_name": ["png"]}, "signature_name"),
    "an unknown input": ({"instances": [{"image": "x"}]}, r"'image_bytes'.*Received: \['image'\]"),
    "one input too many": ({"inputs": {"image_bytes": ["x"], "size": 3}}, "'size'"),
    "a missing input": ({"signature_name": "two_inputs", "instances": [{"a": [1, 2]}]}, r"\['a', 'b'\]"),
    "a bare value for two inputs": ({"signature_name": "two_inputs", "inputs": [1]}, r"\['a', 'b'\]"),
    "bare values among objects": ({"instances": [GOOD["instances"][0], {"image_bytes": "x"}]}, "both"),
    "a wrong dtype": ({"instances": [3]}, "`image_bytes` must be string.*Received: 3"),
    "a fraction for an integer": (
        {"signature_name": "two_inputs", "inputs": {"a": [[1, 2]], "b": [1.5]}},
        "must be int32",
    ),
    "an integer out of range": ({"signature_name": "mean_colour", "inputs": [[[[0, 1, 256]]]]}, "256, out"),
    "a wrong rank": ({"inputs": [["x"]]}, r"shape \(None,\).*\(1, 1\)"),
    "a wrong size": ({"signature_name": "mean_colour", "inputs": [[[[1, 2]]]]}, r"\(1, 1, 1, 2\)"),
    "an empty batch of pixels": ({"signature_name": "mean_colour", "instances": []}, "at least one"),
    "unequal lists": ({"signature_name": "mean_colour", "inputs": [[[[1, 2, 3], [1]]]]}, "unequal length"),
    "bad base64": ({"instances": [{"b64": "$$$$"}]}, "base64"),
    "bytes that are no image": ({"instances": [b64(b"no image")]}, "Unknown image file format"),
    "half a PNG": ({"instances": [b64(draw()[0][:100])]}, "PNG"),
    "half an animation": ({"instances": [b64(gif(30, 40, frames=3)[:40])]}, "."),
    "a PNG that claims to be huge": ({"instances": [b64(png_header(50_000, 50_000))]}, "pixels.* 2500000000"),
    "half an image": ({"instances": [b64(draw(kind="JPEG")[0][:200])]}, "JPEG"),
    "outputs without a batch": ({"signature_name": "unbatched", "instances": ["x"]}, "one batch size"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_bad_requests_are_refused_in_one_line(call, case):
    content, message = REFUSED[case]
    status, reply = call("POST", PREDICT, content)
    assert status == 400 and list(reply) == ["error"]
    assert re.search(message, reply["error"]) and "\n" not in reply["error"]


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b"{}" * 500, mtime=0)[:-20]], ids=["none", "cut short"]
)
def test_broken_gzip_is_refused(call, body):
    status, reply = call("POST", PREDICT, body, {"Content-Encoding": "gzip"})
    assert status == 400 and "gzip" in reply["error"]


PACKED = {"Content-Encoding": "gzip"}


def test_a_body_too_large_is_refused_packed_or_not(servable):
    with serving(build_app(servable, Limits(body=1000))) as address:
        for body, headers in (
            (b" " * 1001, {}),
            (b" " * 10**6, {}),
            (gzip.compress(b" " * 10**6), PACKED),
        ):
            status, reply = send(address, "POST", PREDICT, body, headers)
            assert status == 413 and "at most 1000 bytes" in reply["error"]


def test_gzip_may_not_unpack_to_far_more_than_was_sent(call):
    body = gzip.compress(b" " * 18 * 10**6)
    status, reply = call("POST", PREDICT, body, PACKED)
    assert len(body) < 20_000 and status == 413 and "also unpacked" in reply["error"]


def test_a_hundred_megabytes_are_refused_and_forgotten(call):
    status, reply = call("POST", PREDICT, b" " * 100 * 2**20)
    assert status == 413 and "at most 33554432 bytes" in reply["error"]


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_what_a_body_says_that_it_is_makes_no_difference(call, kind):
    assert call("POST", PREDICT, GOOD, {"Content-Type": kind})[0] == 200


def test_names_may_be_of_any_letters(export):
    with serving(build_app(load_servable(export, "größe 日本 🍓"))) as server:
        path = "/v1/models/gr%C3%B6%C3%9Fe%20%E6%97%A5%E6%9C%AC%20%F0%9F%8D%93"
        assert send(server, "POST", f"{path}:predict", GOOD)[0] == 200
        status, reply = send(server, "GET", "/v1/models/%E6%97%A5")
        assert status == 404 and "Latest(日)" in reply["error"] and "größe 日本 🍓" in reply["error"]


def test_a_full_line_says_when_to_come_back(export):
    servable = load_servable(export)
    servable.version().signatures["gate"] = gate = Gate()
    app = build_app(servable, Limits(queue=1))
    with serving(app) as server:
        body = {"signature_name": "gate", "inputs": [7]}
        waiting = threading.Thread(target=send, args=(server, "POST", PREDICT, body))
        waiting.start()
        wait_until(lambda: app.state.queue.pending == 1)
        request = urllib.request.Request("http://{}:{}".format(*server) + PREDICT, json.dumps(GOOD).encode())
        with pytest.raises(urllib.error.HTTPError, match="503") as caught:
            urllib.request.urlopen(request)
        assert caught.value.headers["Retry-After"] == "1"
        caught.value.close()
        gate.open()
        waiting.join()


UNKNOWN = {
    404: "GET /v1/models/other, POST /v1/models/other:predict, GET /v1/models/other/metadata,"
    " GET /favicon.ico, GET /v1/models/yolact/versions/3, POST /v1/models/yolact/versions/11:predict,"
    " GET /v1/models, GET /v1/models/yolact/versions/x, POST /v1/models/yolact:classify",
    400: "GET /v1/models/yolact:predict, POST /v1/models/yolact, POST /v1/models/yolact/metadata,"
    " PUT /v1/models/yolact, DELETE /v1/models/yolact/versions/2, PATCH /v1/models/yolact:predict,"
    " OPTIONS /v1/models/yolact:predict, PUT /, GET /v1/models/yolact/labels/stable,"
    " GET /v1/models/yolact/labels/stable/metadata, POST /v1/models/yolact/labels/stable:predict",
}


@pytest.mark.parametrize(
    ("line", "expected"), [(line, code) for code in UNKNOWN for line in UNKNOWN[code].split(", ")]
)
def test_unknown_paths_and_methods(call, line, expected):
    method, path = line.split()
    status, reply = call(method, path, GOOD if method == "POST" else None)
    assert status == expected and list(reply) == ["error"]


def test_refusals_have_the_words_of_tensorflow_serving(call):
    for method in ("PUT", "DELETE"):
        expected = {"error": f"Malformed request: {method} {PREDICT}"}
        assert call(method, PREDICT) == (400, expected)
    expected = {"error": "Unrecognized servable version label: canary"}
    assert call("POST", "/v1/models/yolact/labels/canary:predict", GOOD) == (400, expected)


def test_of_a_failed_assertion_its_message_is_told():
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.function(require_pixels)(draw()[0], 100)
    assert one_line(caught.value) == "An image must have at most 100 pixels. Received: 1200"


def test_bodies_together_stay_within_their_memory(servable):
    """A request whose body never ends holds its memory; when it leaves, others have it."""
    with serving(build_app(servable, Limits(bodies=50_000))) as address:
        with socket.create_connection(address) as slow:
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n"
            slow.sendall(head.encode() + b" " * 40_000)
            body = json.dumps(GOOD).encode() + b" " * 30_000
            wait_for_status(address, body, 503)
        wait_for_status(address, body, 200)


def wait_for_status(address, body, expected):
    wait_until(lambda: send(address, "POST", PREDICT, body)[0] == expected)


def test_a_model_folder_itself_is_version_1(export):
    assert load_servable(export / "2").versions == [1]


def test_what_cannot_be_served_is_named(export, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_servable(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="saved_model.pb"):
        load_servable(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a graph")
    with pytest.raises(ValueError, match="SavedModel that loads") as error:
        load_servable(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="`name`.*'a/b'"):
        load_servable(export, "a/b")


def test_a_port_in_use_or_no_port_is_one_line(export):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"127.0.0.1:{port}.*in use"):
            serve(export, port=port)
    with pytest.raises(ValueError, match="70000"):
        serve(export, port=70000)


def test_a_missing_extra_says_how_to_get_it(export, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ValueError, match=r"pip install 'yolact_tf\[serve\]'"):
        serve(export, port=0)


@contextlib.contextmanager
def started(*arguments):
    """`serve` in a process of its own, of the model `old`; yields the process and its address."""
    code = "import sys; from yolact_tf.serve import serve; serve(sys.argv[1], port=0, name='old')"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, **pipes)
    try:
        line = next(line for line in process.stderr if "demo page" in line)
        yield process, ("127.0.0.1", int(re.search(r"demo page http://127.0.0.1:(\d+)/", line).group(1)))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.whole
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_when_what_is_accepted_is_answered(export, number):
    """A request of which the body is still under way when the signal comes is accepted, too."""
    with started(str(export / "2")) as (process, address), socket.create_connection(address) as late:
        body = json.dumps({"inputs": [1]}).encode()
        path = "/v1/models/old:predict"
        assert send(address, "POST", path, body) == (200, {"outputs": [0.1]})
        late.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        late.sendall(body[:3])
        # It has been read so far when what came after it is answered.
        assert send(address, "GET", "/healthz") == (200, "ok")
        process.send_signal(number)

        def is_refused():
            try:
                socket.create_connection(address).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(is_refused)
        late.sendall(body[3:])
        assert late.makefile("rb").read().endswith(b'{"outputs":[0.1]}')
        lines, events = process.communicate(timeout=120)
        assert process.returncode == 0 and "Traceback" not in events
        statuses = [(line["path"], line["status"]) for line in map(json.loads, lines.splitlines())]
        assert statuses == [(path, 200), ("/healthz", 200), (path, 200)]
