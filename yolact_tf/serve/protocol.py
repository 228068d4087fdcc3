"""TF Serving's REST protocol: which request is answered with what, in its words."""

import contextlib
import re

import tensorflow as tf

from yolact_tf.images.headers import count_pixels
from yolact_tf.serve.json_tensors import decode_inputs, encode_json, shown
from yolact_tf.serve.limits import Limits, RequestError
from yolact_tf.serve.queries import UNUSABLE, Query
from yolact_tf.serve.request_bodies import parse_body
from yolact_tf.serve.servable import Servable, ServedVersion, one_line

DEFAULT_SIGNATURE = "serving_default"
ENCODED_IMAGES = "image_bytes"  # the input whose pixels are counted before it is decoded
MODEL_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?P<action>/metadata|:predict)?",
    re.IGNORECASE,
)


def resolve(servable: Servable, method: str, path: str) -> tuple[str, int | None]:
    """(action, version) that a request asks for: "", "/metadata" or ":predict", and a number or None.

    RequestError: 404 for what this server does not have, 400 for what the protocol does not.
    """
    if method not in ("GET", "HEAD", "POST"):
        raise malformed(method, path)
    match = MODEL_PATH.fullmatch(path)
    if match is None:
        expected = "/v1/models/NAME[/versions/V|/labels/L][/metadata|:predict]"
        raise RequestError(404, f"Path must be {expected}. Received: {path}")
    name, version, label = match.group("name", "version", "label")
    number = int(version) if version else None
    if name != servable.name:
        raise _not_found(servable, name, number)
    if label:  # labels are given in TF Serving's config file; a folder has none
        raise RequestError(400, f"Unrecognized servable version label: {label}")
    action = (match.group("action") or "").lower()
    if (method == "POST") != (action == ":predict"):
        raise malformed(method, path)
    return action, number


def malformed(method: str, path: str) -> RequestError:
    """The answer to a method that a path does not take, with TF Serving's status and words."""
    return RequestError(400, f"Malformed request: {method} {path}")


def status(servable: Servable, number: int | None) -> str:
    """The JSON text that says how one version is, or all where `number` is None. RequestError 404."""
    states = servable.states()
    if number is not None and number not in states:
        raise _not_found(servable, servable.name, number)
    return encode_json(
        {
            "model_version_status": [
                {"version": str(version), "state": state, "status": _status(wrong)}
                for version, (state, wrong) in states.items()
                if number in (None, version)
            ]
        }
    )


def metadata(servable: Servable, number: int | None) -> str:
    """The JSON text that describes the signatures of a version, the newest without one. RequestError 404."""
    served = find(servable, number)
    return encode_json(
        {
            "model_spec": {"name": servable.name, "signature_name": "", "version": str(served.number)},
            "metadata": {"signature_def": {"signature_def": served.signature_def}},
        }
    )


def find(servable: Servable, number: int | None) -> ServedVersion:
    """A version that is served, the newest where `number` is None. RequestError 404."""
    try:
        return servable.version(number)
    except KeyError:
        raise _not_found(servable, servable.name, number) from None


def read_query(served: ServedVersion, body: bytes | bytearray, is_gzip: bool, limits: Limits) -> Query:
    """The Query of a predict request. RequestError where it does not fit."""
    with _refusing(ValueError):
        request = parse_body(body, is_gzip, limits)
        _require_few_rows(request, limits)
        name = request.get("signature_name")
        name = DEFAULT_SIGNATURE if name in (None, "") else name
        inputs = decode_inputs(request, _signature(served.signatures, name).structured_input_signature[1])
    with _refusing(*UNUSABLE):
        return Query(served, name, inputs, _count_pixels(inputs, limits), "instances" in request)


def _not_found(servable, name, number):
    """TF Serving's words, and what there is."""
    asked = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    offered = f"{servable.name} with versions {servable.versions}"
    return RequestError(404, f"Servable not found for request: {asked}. This server has {offered}")


def _status(wrong):
    return {"error_code": "INVALID_ARGUMENT" if wrong else "OK", "error_message": wrong}


def _signature(signatures, name):
    if not isinstance(name, str) or name not in signatures:
        raise ValueError(f"`signature_name` must be one of {sorted(signatures)}. Received: {shown(name)}")
    return signatures[name]


def _require_few_rows(request, limits):
    """Refuses many rows while they are lists: as tensors, millions of them take half a minute."""
    columns = request.get("inputs")
    columns = columns.values() if isinstance(columns, dict) else [columns]
    batches = [value for value in (request.get("instances"), *columns) if isinstance(value, list)]
    rows = max(map(len, batches), default=0)
    if rows > limits.batch:
        raise ValueError(f"A request must have at most {limits.batch} rows. Received: {rows}")


def _count_pixels(inputs, limits):
    """Pixels of encoded images, 0 without any. ValueError where they make a small request large."""
    images = inputs.get(ENCODED_IMAGES)
    if images is None or images.dtype != object:
        return 0
    pixels = sum(map(int, _count_all(tf.constant(images, tf.string))))
    if pixels > limits.pixels:
        expected = f"at most {limits.pixels} pixels, all frames and images together"
        raise ValueError(f"The images of a request must have {expected}. Received: {pixels}")
    return pixels


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def _count_all(images):
    return tf.map_fn(count_pixels, images, fn_output_signature=tf.int64)


@contextlib.contextmanager
def _refusing(*kinds):
    try:
        yield
    except kinds as error:
        raise RequestError(400, one_line(error)) from error
