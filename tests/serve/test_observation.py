"""What operators see: a line a request, the measurements, the health."""

import json
import re
import threading

import pytest

from tests.colour_finder import draw, save_export, serving
from tests.serve.asking import PREDICT, b64, send
from yolact_tf.serve import Limits, build_app, load_servable
from yolact_tf.serve.metrics import Counter, Histogram


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    return load_servable(save_export(tmp_path_factory.mktemp("export")))


@pytest.fixture
def server(servable):
    with serving(build_app(servable, Limits(batch=4))) as address:
        yield address


def lines_of(caplog):
    """The lines of requests, which are written when the answer is already on its way."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(0.01)
    return [json.loads(r.getMessage()) for r in caplog.records if r.name == "yolact_tf.serve.requests"]


def test_a_request_is_one_line_of_json_without_its_body(server, caplog):
    caplog.set_level("INFO", "yolact_tf.serve.requests")
    content = b64(draw()[0])
    send(server, "POST", PREDICT, {"instances": [content] * 2})
    send(server, "POST", PREDICT, {"instances": [content] * 5})
    send(server, "GET", "/v1/models/gr%C3%BCn%0A")
    # A connection closes after its line is written, and the next is opened after that.
    send(server, "GET", "/healthz")
    answered, refused, unknown = lines_of(caplog)[:3]
    expected = {"method": "POST", "path": PREDICT, "status": 200, "action": "predict", "version": 10}
    expected |= {"signature": "serving_default", "rows": 2, "client": "127.0.0.1"}
    assert expected.items() <= answered.items() and answered["ms"] > 0 and answered["bytes"] > 100
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", answered["time"])
    assert refused["status"] == 400 and "at most 4 rows" in refused["error"]
    assert unknown["status"] == 404 and unknown["path"] == "/v1/models/grün\n"
    assert content["b64"][:40] not in caplog.text


def test_metrics_are_in_the_text_format_of_prometheus(server):
    for count in (1, 3, 5):
        send(server, "POST", PREDICT, {"instances": [b64(draw()[0])] * count})
    status, text = send(server, "GET", "/metrics")
    assert status == 200 and text.endswith("\n")
    sample = r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+'
    assert all(re.fullmatch(rf"# (HELP|TYPE) [a-z_]+ .+|{sample}", line) for line in text.splitlines())
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert values['yolact_requests_total{action="predict",code="200"}'] == "2"
    assert values['yolact_requests_total{action="predict",code="400"}'] == "1"
    assert values['yolact_batch_rows_bucket{le="1"}'] == "1"
    assert values['yolact_batch_rows_bucket{le="4"}'] == values["yolact_batch_rows_count"] == "2"
    assert float(values["yolact_batch_rows_sum"]) == 4 and values["yolact_predict_seconds_count"] == "3"
    assert (values["yolact_pending_requests"], values["yolact_served_version"]) == ("0", "10")
    assert float(values["process_resident_memory_bytes"]) > 10**7


def test_it_is_healthy_while_it_answers(server):
    assert send(server, "GET", "/healthz") == (200, "ok")
    assert send(server, "HEAD", "/healthz") == (200, "")


def test_buckets_hold_what_is_at_most_as_large():
    histogram = Histogram((1, 2.5))
    for value in (0.5, 1, 2, 3):
        histogram.observe(value)
    counts = ['h_bucket{le="1"} 2', 'h_bucket{le="2.5"} 3', 'h_bucket{le="+Inf"} 4']
    assert list(histogram.lines("h")) == [*counts, "h_sum 6.5", "h_count 4"]


def test_counts_are_kept_apart_by_labels():
    counter = Counter("action", "code")
    for code in (200, 200, 404):
        counter.add("predict", code)
    assert list(counter.lines("c")) == [
        'c{action="predict",code="200"} 2',
        'c{action="predict",code="404"} 1',
    ]
