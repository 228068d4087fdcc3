"""Requests that are not answered: each gets its status and one sentence, and the next one its answer."""

import gzip
import json
import re
import threading
import urllib.error
import urllib.request

import pytest

from tests.colour_finder import Gate, draw, serving
from tests.image_bombs import gif, png_header
from tests.serve.asking import GOOD, PREDICT, b64, send, wait_until
from yolact_tf.serve import Limits, build_app, load_servable

REFUSED = {
    "no JSON": (b"{", "must be JSON"),
    "an empty body": (b"", "must be JSON"),
    "not UTF-8": (b'{"instances": ["\xff"]}', "must be JSON"),
    "one list too deep": (b'{"instances": ' + b"[" * 256 + b"]" * 256 + b"}", "256 deep. Received: 257"),
    "as deep as may be": (b'{"instances": ' + b"[" * 255 + b"1" + b"]" * 255 + b"}", "`image_bytes` must be"),
    "deep JSON": (b"[" * 200_000, "at most 256 deep"),
    "a text that is nested deep": (
        b'{"instances": ' + b"[" * 255 + b'"x"' + b"]" * 255 + b"}", "`image_bytes` must be string",
    ),
    "numbers that are nested deep": (
        b'{"signature_name": "mean_colour", "inputs": ' + b"[" * 40 + b"-1" + b"]" * 40 + b"}",
        "`images` must be uint8.*-1, out of range",
    ),
    "a truth among numbers": ({"signature_name": "mean_colour", "inputs": [[[[1, True, 3]]]]}, "True"),
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
    "a signature that is nothing": (GOOD | {"signature_name": 0}, "signature_name.*Received: 0"),
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


def test_a_full_line_says_when_to_come_back(servable):
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
    del servable.version().signatures["gate"]


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
