"""Real `.tflite` files with one number changed."""

from pathlib import Path

import numpy as np


def with_constant(path, target, expected, changed):
    """Copy of the file at `path` as `target`, its constant `expected`, of which it has one, now `changed`.

    In place: the zip of metadata behind the flatbuffer stays.
    """
    content = Path(path).read_bytes()
    assert expected.dtype == changed.dtype and content.count(expected.tobytes()) == 1
    target.write_bytes(content.replace(expected.tobytes(), changed.tobytes()))
    return target


def one_changed(values, index, value):
    """`values` with another one at `index`."""
    changed = np.array(values)
    changed[index] = value
    return changed
