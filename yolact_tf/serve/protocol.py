"""TF Serving's REST protocol: which request is answered with what, in its words."""

import contextlib
import re

import tensorflow as tf

from yolact_tf.images.headers import count_pixels
from yolact_tf.serve.json_tensors import decode_inputs, encode_columns, encode_json, encode_rows, shown
from yolact_tf.serve.limits import Limits, RequestError
from yolact_tf.serve.request_bodies import parse_body
from yolact_tf.serve.servable import Servable, one_line

DEFAULT_SIGNATURE = "serving_default"
ENCODED_IMAGES = "image_bytes"  # the input whose pixels are counted before it is decoded
MODEL_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?"
    r"(?P<action>/metadata|:predict)?"
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
    if name != servable.name or (version and int(version) not in servable.folders):
        offered = f"{servable.name} with versions {sorted(servable.folders)}"
        raise RequestError(404, f"Servable not found: this server has {offered}. Received: {path}")
    if label:  # labels are given in TF Serving's config file; a folder has none
        raise RequestError(400, f"Unrecognized servable version label: {label}")
    action = match.group("action") or ""
    if (method == "POST") != (action == ":predict"):
        raise malformed(method, path)
    return action, int(version) if version else None


def malformed(method: str, path: str) -> RequestError:
    """The answer to a method that a path does not take, with TF Serving's status and words."""
    return RequestError(400, f"Malformed request: {method} {path}")


def status(servable: Servable, version: int | None) -> str:
    """The JSON text that says which versions there are: the one asked for, or all where it is None."""
    healthy = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    numbers = servable.folders if version is None else [version]
    return encode_json({"model_version_status": [{"version": str(number)} | healthy for number in numbers]})


def metadata(servable: Servable, version: int | None) -> str:
    """The JSON text that describes the signatures of a version, the newest where it is None."""
    served = servable.version(version)
    return encode_json(
        {
            "model_spec": {"name": servable.name, "signature_name": "", "version": str(served.number)},
            "metadata": {"signature_def": {"signature_def": served.signature_def}},
        }
    )


def predict(
    servable: Servable, version: int | None, body: bytes | bytearray, is_gzip: bool, limits: Limits
) -> str:
    """The JSON text that answers a predict request, or RequestError where it does not fit."""
    served = servable.version(version)
    with _refusing(ValueError):
        request = parse_body(body, is_gzip, limits)
        _require_few_rows(request, limits)
        signature = _signature(served.signatures, request.get("signature_name") or DEFAULT_SIGNATURE)
        inputs = decode_inputs(request, signature.structured_input_signature[1])
    # What TensorFlow raises for values that it cannot use, such as bytes that are no image.
    with _refusing(ValueError, tf.errors.InvalidArgumentError, tf.errors.DataLossError):
        _require_few_pixels(inputs, limits)
        outputs = dict(sorted(signature(**inputs).items()))
    with _refusing(ValueError):
        if "instances" in request:
            return f'{{"predictions":{encode_rows(outputs)}}}'
        return f'{{"outputs":{encode_columns(outputs)}}}'


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


def _require_few_pixels(inputs, limits):
    """Refuses small requests that a signature makes large: images of many pixels."""
    images = inputs.get(ENCODED_IMAGES)
    if images is not None and images.dtype == tf.string:
        pixels = sum(map(int, _count_all(images)))
        if pixels > limits.pixels:
            expected = f"at most {limits.pixels} pixels, all frames and images together"
            raise ValueError(f"The images of a request must have {expected}. Received: {pixels}")


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def _count_all(images):
    return tf.map_fn(count_pixels, images, fn_output_signature=tf.int64)


@contextlib.contextmanager
def _refusing(*kinds):
    try:
        yield
    except kinds as error:
        raise RequestError(400, one_line(error)) from error
