"""The line of requests: bounded, in batches, and each answer for the one who asked."""

import http.client
import json
import threading

import pytest

from tests.colour_finder import Gate, draw, serving
from tests.serve.asking import PREDICT, b64, batch_rows, send, wait_until
from yolact_tf.serve import Batching, Limits, build_app

RUNNING, WAITING = Batching().num_batch_threads, 7


class Gated:
    """A server with a gate that predictions wait at, and with room for some more in its line."""

    def __init__(self, address, queue, gate):
        self.address, self.queue, self.gate = address, queue, gate
        self.request = {"signature_name": "gate", "inputs": [7]}
        self.replies, self.threads = [], []

    def post(self, count):
        """Sends requests that wait for the gate, and returns when all have arrived."""
        for _ in range(count):
            self.threads.append(threading.Thread(target=self._post_one))
            self.threads[-1].start()
        self.wait_for(len(self.threads))

    def post_without_waiting(self):
        """A connection that has sent its request."""
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        connection.request("POST", PREDICT, json.dumps(self.request))
        return connection

    def wait_for(self, pending):
        wait_until(lambda: self.queue.pending == pending)

    def finish(self):
        """Opens the gate; the answers to all that were posted."""
        self.gate.open()
        for thread in self.threads:
            thread.join()
        return self.replies

    def together(self, requests):
        """Replies to requests that come while every thread is busy, in their order."""
        self.post(RUNNING)
        replies = [None] * len(requests)

        def ask(number):
            replies[number] = send(self.address, "POST", PREDICT, requests[number])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(requests))]
        for number, thread in enumerate(threads):
            thread.start()
            self.wait_for(RUNNING + number + 1)
        # One of them may still be read.
        wait_until(lambda: self.queue.reading == 0)
        self.finish()
        for thread in threads:
            thread.join()
        return replies

    def _post_one(self):
        self.replies.append(send(self.address, "POST", PREDICT, self.request))


@pytest.fixture
def gated(servable):
    signatures = servable.version().signatures
    signatures["gate"] = gate = Gate()
    app = build_app(servable, Limits(queue=RUNNING + WAITING))
    with serving(app) as address:
        yield Gated(address, app.state.queue, gate)
        gate.open()
    del signatures["gate"]


def test_status_and_metadata_answer_while_every_worker_is_busy(gated):
    gated.post(RUNNING + 1)
    for path in ("/v1/models/yolact", "/v1/models/yolact/metadata"):
        assert send(gated.address, "GET", path)[0] == 200
    assert not gated.replies
    answers = gated.finish()
    assert answers == [(200, {"outputs": [7]})] * (RUNNING + 1)


def test_a_full_line_refuses_the_next_request(gated):
    gated.post(RUNNING + WAITING)
    status, reply = send(gated.address, "POST", PREDICT, gated.request)
    assert status == 503 and f"{RUNNING + WAITING} are already waiting" in reply["error"]
    assert {status for status, _ in gated.finish()} == {200}
    assert gated.gate.calls == RUNNING + WAITING


def test_requests_whose_clients_left_are_never_run(gated):
    gated.post(RUNNING)
    left = [gated.post_without_waiting() for _ in range(WAITING)]
    gated.wait_for(RUNNING + WAITING)
    for connection in left:
        connection.close()
    gated.wait_for(RUNNING)
    gated.post(1)  # there is room again
    assert {status for status, _ in gated.finish()} == {200}
    assert gated.gate.calls == RUNNING + 1


def test_requests_that_wait_are_one_batch_and_answers_go_to_who_asked(gated):
    sizes = [(30, 40), (50, 31), (44, 60)]
    replies = gated.together([{"instances": [b64(draw(*size)[0])]} for size in sizes])
    assert [reply["predictions"][0]["image_size"] for _, reply in replies] == [list(size) for size in sizes]
    # Each gate was a batch of its own.
    assert batch_rows(gated.address) == (RUNNING + 1, RUNNING + 3)
    alone = [send(gated.address, "POST", PREDICT, {"instances": [b64(draw(*size)[0])]}) for size in sizes]
    assert alone == replies


def test_a_bad_request_of_a_batch_fails_alone(gated):
    good, bad = {"inputs": [b64(draw()[0])]}, {"inputs": [b64(b"\x89PNG\r\n\x1a\n" + bytes(30))]}
    replies = gated.together([good, bad | {"signature_name": "serving_default"}, good])
    assert [status for status, _ in replies] == [200, 400, 200]
    assert replies[0] == replies[2] and "\n" not in replies[1][1]["error"]


@pytest.mark.parametrize(
    ("requests", "batches"),
    [
        # Of several rows each, some with two.
        ([{"a": [[1, 2]], "b": [3]}, {"a": [[1, 2], [3, 4]], "b": [5, 6]}, {"a": [[0, 0]], "b": [9]}], 1),
        # Nine rows are more than one batch of eight holds, and five and four do not fit into one either.
        ([{"a": [[1, 2]] * 5, "b": [3] * 5}, {"a": [[1, 2]] * 4, "b": [3] * 4}], 2),
        ([{"a": [[1, 2]] * 9, "b": [3] * 9}, {"a": [[1, 2]], "b": [3]}], 2),
        # A batch of the two would have rows of other inputs.
        ([{"a": [[1, 2]], "b": [3, 4]}, {"a": [[1, 2], [1, 2]], "b": [3]}], 2),
    ],
    ids=["several rows", "too many", "more than a batch", "uneven"],
)
def test_rows_are_gathered_up_to_the_size_of_a_batch(gated, requests, batches):
    requests = [{"signature_name": "two_inputs", "inputs": inputs} for inputs in requests]
    replies = gated.together(requests)
    assert batch_rows(gated.address)[0] == RUNNING + batches
    assert replies == [send(gated.address, "POST", PREDICT, request) for request in requests]


def test_only_what_has_the_same_shape_and_signature_is_gathered(gated):
    image = b64(draw()[0])
    requests = [
        {"signature_name": "mean_colour", "inputs": [[[[10, 20, 30]]]]},
        {"signature_name": "mean_colour", "inputs": [[[[10, 20, 30], [20, 30, 40]]]]},
        {"signature_name": "mean_colour", "inputs": [[[[1, 2, 3]]]]},
        {"signature_name": "png", "inputs": [image]},
        {"signature_name": "serving_default", "inputs": [image]},
        {"signature_name": "unbatched", "inputs": [image]},
        {"signature_name": "unbatched", "inputs": [image]},
    ]
    replies = gated.together(requests)
    assert [status for status, _ in replies] == [200] * len(requests)
    assert [reply["outputs"] for _, reply in replies[:3]] == [[[10, 20, 30]], [[15, 25, 35]], [[1, 2, 3]]]
    assert [reply["outputs"]["count"] for _, reply in replies[5:]] == [1, 1]
    assert batch_rows(gated.address)[0] == RUNNING + 6


def test_images_of_a_batch_have_no_more_pixels_than_those_of_a_request(servable):
    """Each of the two images alone is allowed."""
    servable.version().signatures["gate"] = gate = Gate()
    app = build_app(servable, Limits(pixels=2000))
    with serving(app) as address:
        gated = Gated(address, app.state.queue, gate)
        replies = gated.together([{"inputs": [b64(draw()[0])]}] * 2)  # 1200 pixels each
        assert [status for status, _ in replies] == [200, 200]
        assert batch_rows(address)[0] == RUNNING + 2
    del servable.version().signatures["gate"]


def test_settings_must_leave_something():
    with pytest.raises(ValueError, match="`max_batch_size` must be at least 1. Received: 0"):
        Batching(max_batch_size=0)
