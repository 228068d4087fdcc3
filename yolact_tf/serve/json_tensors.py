"""JSON requests to arrays and arrays to JSON, as TF Serving's REST API maps them (its json_tensor.cc)."""

import base64
import json
import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

JSON_CHUNK = 4096  # values encoded at a stretch; between two chunks other threads get the interpreter
SHOWN_CHARACTERS = 80  # of a received value in an error

# Cut short while it is written, since a value may be a whole request.
_BRIEFLY = reprlib.Repr()
_BRIEFLY.maxstring = _BRIEFLY.maxother = _BRIEFLY.maxlong = SHOWN_CHARACTERS
encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def decode_inputs(request: Mapping[str, Any], specs: Mapping[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Reads the arrays out of a predict request, in row or in columnar format.

    request: the JSON object; one of `instances` (a list, a value or an object each) and `inputs`.
    specs: {input name: tf.TensorSpec} of the signature, dim 0 the batch.
    Returns {input name: array}, of bytes where it is a string. ValueError, one line, for what does not fit.
    """
    if ("instances" in request) == ("inputs" in request):
        raise ValueError(
            f"Exactly one of `instances` and `inputs` is needed. Received: {shown(sorted(request))}"
        )
    if "inputs" in request:
        columns = _by_name(request["inputs"], specs, "inputs")
    else:
        columns = _rows_to_columns(request["instances"], specs)
    return {key: _to_array(key, columns[key], spec) for key, spec in specs.items()}


def encode_rows(outputs: Mapping[str, np.ndarray]) -> str:
    """Returns the JSON list with one value, or one object of named values, for each row of the batch.

    outputs: {name: array [B, ...]}; bytes named `*_bytes` become {"b64": ...}, others UTF-8 text.
    Raises ValueError where the outputs do not share dim 0.
    """
    sizes = {key: array.shape[0] if array.ndim else None for key, array in outputs.items()}
    if len(set(sizes.values())) != 1 or None in sizes.values():
        raise ValueError(f"`instances` needs outputs of one batch size; `inputs` does not. Received: {sizes}")
    arrays = [_to_plain(key, array) for key, array in outputs.items()]
    return "[" + ",".join(_encode_named(dict(zip(outputs, row))) for row in zip(*arrays)) + "]"


def encode_columns(outputs: Mapping[str, np.ndarray]) -> str:
    """Returns the JSON object of named values, or the bare value where there is only one output.

    outputs: {name: array of any shape}, as in `encode_rows`. NaN and Infinity are TF Serving's bare tokens.
    """
    return _encode_named({key: _to_plain(key, array) for key, array in outputs.items()})


def shown(value: object) -> str:
    """Returns a received value as an error may quote it: as Python writes it, cut short."""
    text = _BRIEFLY.repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _rows_to_columns(instances, specs):
    if not isinstance(instances, list) or not instances:
        raise ValueError(f"`instances` must be a list with at least one value. Received: {shown(instances)}")
    rows = [_by_name(value, specs, f"instances[{index}]") for index, value in enumerate(instances)]
    if len({_is_named(value) for value in instances}) == 2:
        raise ValueError("`instances` must hold bare values or objects. Received: both")
    return {key: [row[key] for row in rows] for key in specs}


def _by_name(value, specs, place):
    if len(specs) == 1 and not _is_named(value):
        return dict.fromkeys(specs, value)
    if not _is_named(value) or set(value) != set(specs):
        received = shown(sorted(value) if _is_named(value) else value)
        raise ValueError(f"`{place}` must name the inputs {sorted(specs)}. Received: {received}")
    return value


def _is_named(value):
    return isinstance(value, dict) and not _is_binary(value)


def _is_binary(value):
    return isinstance(value, dict) and list(value) == ["b64"] and isinstance(value["b64"], str)


def _to_array(key, value, spec):
    try:
        array = _bytes_array(value) if spec.dtype == tf.string else _number_array(value, spec.dtype)
        if not spec.shape.is_compatible_with(array.shape):
            raise ValueError(f"shape {array.shape}")
    except ValueError as error:
        raise ValueError(
            f"`{key}` must be {spec.dtype.name} of shape {spec.shape}. Received: {error}"
        ) from error
    return array


def _number_array(value, dtype):
    # Asked first: NumPy would make every number as wide as the longest text beside it, and of True a 1.
    alien = {str} if dtype.is_bool else {str, bool}
    # Raveled, as `flat` ends at 32 of the 64 axes that an array may have.
    if not alien.isdisjoint(map(type, np.array(value, dtype=object).ravel())):
        raise ValueError(shown(value))
    try:
        array = np.array(value)
    except ValueError as error:
        raise ValueError("lists of unequal length") from error
    kinds = "iuf" if dtype.is_floating else "iu" if dtype.is_integer else "b"
    if array.size and array.dtype.kind not in kinds:
        raise ValueError(shown(value))
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype.as_numpy_dtype)
    is_lost = np.isfinite(array) & ~np.isfinite(converted) if dtype.is_floating else converted != array
    if np.any(is_lost):
        raise ValueError(f"{array.ravel()[is_lost.ravel()][0]}, out of range")
    return converted


def _bytes_array(value):
    array = np.array(_to_bytes(value), dtype=object)
    if not all(isinstance(item, bytes) for item in array.ravel()):
        raise ValueError("lists of unequal length")
    return array


def _to_bytes(value):
    if isinstance(value, list):
        return [_to_bytes(item) for item in value]
    if isinstance(value, str):
        return value.encode()
    if not _is_binary(value):
        raise ValueError(shown(value))
    text = "".join(value["b64"].split())  # TF Serving, too, skips line breaks and does without the padding
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise ValueError(f"text that is not base64 ({error})") from error


def _to_plain(key, array):
    """Returns an output as an array whose `tolist` holds what the JSON shall say."""
    if array.dtype == object:
        plain = np.empty(array.size, object)
        if key.endswith("_bytes"):
            plain[:] = [{"b64": base64.b64encode(item).decode()} for item in array.flat]
        else:
            plain[:] = [item.decode("utf-8", "replace") for item in array.flat]
        return plain.reshape(array.shape)
    return _shortest(array) if array.dtype == np.float32 else array


def _shortest(array):
    """Returns float32 as the float64 with the shortest text that reads back the same: 0.1, not 0.1000000015.

    Whole arrays at a time makes a reply of a million floats quick. Outside 1e-14..1e28 all digits stay.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = array.astype(np.float64)
        exponent = np.nan_to_num(np.floor(np.log10(np.abs(exact))), posinf=0, neginf=0)
    result = exact
    for digits in (9, 8, 7, 6):  # 9 always suffice, 6 always survive (IEEE 754 single precision)
        shift = digits - 1 - exponent
        up, down = (
            10.0 ** np.clip(shift, 0, 22),
            10.0 ** np.clip(-shift, 0, 22),
        )  # 1e22: the last exact power of ten
        rounded = np.rint(exact * up / down) / up * down
        result = np.where(rounded.astype(np.float32) == array, rounded, result)
    return result


def _encode_named(values):
    texts = {key: _encode_value(value) for key, value in values.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "{" + ",".join(f"{encode_json(key)}:{text}" for key, text in texts.items()) + "}"


def _encode_value(value):
    """value: an array, or what iterating over one gives: a smaller array, a number, a text or {"b64"}."""
    if isinstance(value, np.ndarray) and value.ndim and value.size > JSON_CHUNK:
        return "[" + ",".join(_encode_value(part) for part in value) + "]"
    return encode_json(value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value)
