"""Requests to a server of the tests."""

import base64
import http.client
import json
import re
import time

from tests.colour_finder import draw

PREDICT = "/v1/models/yolact:predict"


def send(server, method, path, content=None, headers=()):
    """Returns (status, decoded JSON or text). content: bytes as they are, anything else as JSON."""
    connection = http.client.HTTPConnection(*server, timeout=120)
    body = content if content is None or isinstance(content, bytes) else json.dumps(content)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    is_json = response.headers["Content-Type"] == "application/json"
    return response.status, json.loads(text) if is_json else text


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


GOOD = {"instances": [b64(draw()[0])]}


def batch_rows(server):
    """(batches, their rows together) that the network was run on."""
    text = send(server, "GET", "/metrics")[1]
    numbers = re.findall(r"^yolact_batch_rows_(?:sum|count) (\S+)$", text, re.MULTILINE)
    rows, batches = map(float, numbers)
    return batches, rows


def wait_until(holds, seconds=60):
    """Returns when `holds()` does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
