"""A JSON object in pieces is what the json module makes of the whole, wherever chunks of the file end."""

import json
from collections.abc import Iterator

import pytest

from yolact_tf.data.json_pieces import exhaust, members

DOCUMENTS = {
    "of COCO": {
        "info": {"year": 2017, "lists": [1, [2]]},
        "images": [{"id": 1, "file_name": "é 木 \U0001f600.jpg"}, {"id": 2, "file_name": 'a"]}\\'}],
        "annotations": [{"id": 1, "bbox": [0.5, -1e-7, 12345678901234567890, 3]}, {"segmentation": [[1, 2]]}],
        "none": [],
        "number": 12.5,
        "last": [1, 22, -333, True, None, "text", [], {}],
    },
    "nothing": {},
    "NaN, half a character and a name in letters": {"é": [float("nan"), float("inf"), "\ud800"]},
}


def chunks_of(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def whole(data, size):
    """The object as `members` gives it; places in the file are checked on the way."""
    content = {}
    for key, value in members(chunks_of(data, size)):
        if isinstance(value, Iterator):
            elements = list(value)
            for element, begin, end in elements:
                assert repr(json.loads(data[begin:end])) == repr(element)
            value = [element for element, _, _ in elements]
        content[key] = value
    return content


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
@pytest.mark.parametrize("is_ascii", [True, False])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_pieces_are_what_the_whole_has(name, is_ascii, size):
    text = json.dumps(DOCUMENTS[name], ensure_ascii=is_ascii, indent=1)
    data = text.encode(errors="surrogatepass")
    assert repr(whole(data, size)) == repr(json.loads(data)) == repr(DOCUMENTS[name])
    assert repr(whole(b"\xef\xbb\xbf" + data.replace(b"\n", b""), size)) == repr(DOCUMENTS[name])


def test_repeated_members_come_repeatedly():
    data = b'{"a": [1], "a": [2, 3], "a": {"b": 1}}'
    found = [
        (key, [v for v, _, _ in value] if isinstance(value, Iterator) else value)
        for key, value in members([data])
    ]
    assert found == [("a", [1]), ("a", [2, 3]), ("a", {"b": 1})]


def test_members_can_be_passed_over():
    data = json.dumps(DOCUMENTS["of COCO"]).encode()
    keys = []
    for key, value in members(chunks_of(data, 5)):
        exhaust(value)
        keys.append(key)
    assert keys == list(DOCUMENTS["of COCO"])


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "[]",
            "7",
            '"{}"',
            "{",
            '{"a"',
            '{"a":',
            '{"a":}',
            '{"a": [1, 2',
            '{"a": [1 2]}',
            '{"a": [1,]}',
        ),
        *(
            '{"a": 1,}',
            '{"a" 1}',
            "{1: 2}",
            '{"a": 1} {}',
            '{"a": 1}}',
            '{"a": [1]]}',
            '{"a": tru}',
            '{"a": "b}',
        ),
        *('{"a": 1 "b": 2}', "{'a': 1}", '{"a": [{"b": 1}, {"b": 2]}', '{"a": "\n"}'),
    ],
)
def test_what_is_no_json_object_is_refused(text, size):
    with pytest.raises(ValueError):
        whole(text.encode(), size)


@pytest.mark.parametrize("data", [b'{"a": "\xff"}', b'{"a": ["\xc3"]}', b'{"\xe9": 1}'])
def test_what_is_no_utf_8_is_refused(data):
    for read in (json.loads, lambda data: whole(data, 3)):
        with pytest.raises(ValueError):
            read(data)
