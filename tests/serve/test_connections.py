"""Clients that are slow, leave half-way, speak no HTTP, or ask one thing after the other."""

import contextlib
import gzip
import http.client
import json
import socket

import pytest

from tests.colour_finder import save_export, serving
from tests.serve.asking import GOOD, PREDICT, send, wait_until
from yolact_tf.serve import Limits, build_app, load_servable


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    return load_servable(save_export(tmp_path_factory.mktemp("export")))


@pytest.fixture(scope="module")
def impatient(servable):
    """A server that waits for a second."""
    with serving(build_app(servable, Limits(seconds=1)), patience=1) as address:
        yield address


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /v1/mod", f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode()],
    ids=["nothing", "half a line", "half a head"],
)
def test_who_does_not_finish_a_head_is_hung_up_on(impatient, sent):
    with socket.create_connection(impatient, timeout=60) as slow:
        slow.sendall(sent)
        assert read_to_end(slow) == b""
    assert send(impatient, "POST", PREDICT, GOOD)[0] == 200


def test_a_head_that_trickles_in_has_no_more_time(impatient):
    with socket.create_connection(impatient, timeout=60) as slow:
        slow.settimeout(0.05)
        slow.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")

        def is_closed():
            try:
                slow.sendall(b"x")
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        wait_until(is_closed)


@pytest.mark.whole
def test_a_body_that_does_not_come_is_refused_in_words(impatient):
    with socket.create_connection(impatient, timeout=60) as slow:
        slow.sendall(f'POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{"in'.encode())
        reply = read_to_end(slow)
    assert reply.startswith(b"HTTP/1.1 408") and b"must arrive within 1 s" in reply


def test_a_second_request_over_a_connection_may_come_late(impatient):
    """The time for a head begins with the connection, and anew with what comes after an answer."""
    with contextlib.closing(http.client.HTTPConnection(*impatient, timeout=60)) as connection:
        for _ in range(3):
            connection.request("POST", PREDICT, json.dumps(GOOD))
            reply = connection.getresponse()
            assert reply.status == 200 and reply.read()
        connection.sock.sendall(b"GET /hea")
        assert read_to_end(connection.sock) == b""


@pytest.mark.parametrize("share", [0.1, 0.3, 0.99])
def test_a_client_that_leaves_half_way_harms_nobody(server, share):
    body = json.dumps(GOOD).encode()
    request = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    for _ in range(5):
        with socket.create_connection(server) as leaving:
            leaving.sendall(request[: int(share * len(request))])
    assert send(server, "POST", PREDICT, GOOD)[0] == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"X" * 100_000,
    ],
    ids=["TLS", "no path", "no header", "an endless line"],
)
def test_what_is_no_http_is_refused_in_json(server, request_line):
    with socket.create_connection(server, timeout=60) as client:
        client.sendall(request_line + b"\r\n\r\n")
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400") and list(json.loads(body)) == ["error"]


def test_pipelined_requests_are_answered_in_turn(server):
    one = b"GET /v1/models/yolact HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with socket.create_connection(server, timeout=60) as client:
        client.sendall(one + one + last)
        replies = read_to_end(client)
    assert replies.count(b"HTTP/1.1 200") == 3 and replies.endswith(b"ok")


def test_bodies_may_come_in_chunks_and_packed(server):
    body = gzip.compress(json.dumps(GOOD).encode())
    with contextlib.closing(http.client.HTTPConnection(*server, timeout=60)) as connection:
        connection.request("POST", PREDICT, iter([body[:20], body[20:]]), {"Content-Encoding": "gzip"})
        assert connection.getresponse().status == 200


def read_to_end(connection):
    """What a server says until it hangs up."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received
