"""Bodies: what they may hold is counted before anything is built of them."""

import gzip
import json

import pytest

from yolact_tf.serve.limits import Limits, RequestError
from yolact_tf.serve.request_bodies import parse_body


def parse(text, **limits):
    return parse_body(text.encode(), False, Limits(**limits))


@pytest.mark.parametrize(
    ("text", "elements", "depth"),
    [
        ("{}", 1, 1),
        ('{"a": 1, "b": [2, 3]}', 4, 2),
        ('{"a": [[[]], {"b": {}}]}', 7, 4),
        ('{"a": "[[[{{{,,,"}', 1, 1),
        (r'{"a": "\"[[\\", "b": "\\\"[,", "c": "\u0022[[\\\\"}', 3, 1),
        ('{"ä∀": "∀[√"}', 1, 1),
    ],
)
def test_exactly_what_is_there_is_counted(text, elements, depth):
    assert parse(text, elements=elements, depth=depth) == json.loads(text)
    if elements > 1:
        with pytest.raises(ValueError, match=f"at most {elements - 1} values. Received: {elements}$"):
            parse(text, elements=elements - 1)
    if depth > 1:
        with pytest.raises(ValueError, match=f"at most {depth - 1} deep. Received: {depth}$"):
            parse(text, depth=depth - 1)


@pytest.mark.parametrize(
    ("text", "limit"), [("[]," * 60, "at most 100 values"), ("[" * 60, "at most 50 deep")]
)
def test_parsing_comes_after_counting(text, limit):
    """The text is no JSON: who parses it first says so."""
    with pytest.raises(ValueError, match=limit):
        parse('{"instances": [' + text, elements=100, depth=50)


def test_only_utf_8_is_read_since_only_that_is_counted():
    with pytest.raises(ValueError, match="must be JSON"):
        parse_body('{"a": []}'.encode("utf-16"), False, Limits())


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (b" " * 1001, {"body": 1000}),
        (bytes(2 * 2**20), {"gzip_ratio": 100}),
        (bytes(2**20 + 1), {"gzip_ratio": 1}),
    ],
)
def test_gzip_may_unpack_only_so_far(content, limits):
    with pytest.raises(RequestError, match="bytes, also unpacked") as error:
        parse_body(gzip.compress(content), True, Limits(**limits))
    assert error.value.status == 413


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"instances": [1e999]}', "a number too large for 64 bits, '1e999'"),
        ('{"instances": [-1.5E+400]}', "too large"),
        ('{"instances": [' + "9" * 5000 + "]}", "5000 digits"),
        ('{"instances": [1], "instances": [2]}', "the key 'instances' twice in one object"),
        ('{"inputs": {"a": 1, "b": 2, "a": 3}}', "the key 'a' twice"),
        ("{'instances': [1]}", "must be JSON"),
        ('{"instances": [1]} {}', "must be JSON"),
        ("instances=1&signature_name=png", "must be JSON"),
        ("null", "JSON object"),
        ('"text"', "JSON object"),
    ],
)
def test_what_readers_of_json_do_not_agree_on_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as error:
        parse(text)
    assert "\n" not in str(error.value)


def test_one_name_twice_among_very_many_is_found():
    members = ", ".join(f'"{number}": 1' for number in range(300_000))
    with pytest.raises(ValueError, match="the key '299999' twice"):
        parse(f'{{{members}, "299999": 2}}')


def test_not_numbers_are_read_as_tensorflow_serving_does():
    values = parse('{"inputs": [NaN, Infinity, -Infinity, 1e-999]}')["inputs"]
    assert str(values) == "[nan, inf, -inf, 0.0]"


def test_gzip_in_several_members_is_one_body():
    packed = gzip.compress(b'{"a"') + gzip.compress(b": 1}")
    assert parse_body(packed, True, Limits()) == {"a": 1}


def test_limits_must_leave_something():
    with pytest.raises(ValueError, match="`queue` must be at least 1. Received: 0"):
        Limits(queue=0)
