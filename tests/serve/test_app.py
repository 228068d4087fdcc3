"""The server over real HTTP: a small SavedModel, every kind of answer, and how it starts and ends."""

import contextlib
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from pycocotools import mask as coco_mask

from tests.colour_finder import NAMES, SLOTS, draw, serving
from tests.serve.asking import GOOD, PREDICT, b64, send, wait_until
from yolact_tf.images.headers import require_pixels
from yolact_tf.serve import Limits, build_app, load_servable, serve
from yolact_tf.serve.servable import one_line

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")


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


def test_of_a_failed_assertion_its_message_is_told():
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.function(require_pixels)(draw()[0], 100)
    assert one_line(caught.value) == "An image must have at most 100 pixels. Received: 1200"

    @tf.function
    def compare(x):
        with tf.control_dependencies([tf.debugging.assert_equal(x, 2, "words [and more]")]):
            return tf.identity(x)

    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        compare(tf.constant(1))
    assert one_line(caught.value) == "words [and more]"


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
