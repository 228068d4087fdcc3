"""Dataclasses from JSON and from `section.field=value` texts: typed, and nothing unknown gets in."""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Sequence

AUTO = 0  # what the text "auto" becomes
AutoInt = typing.Annotated[int, "auto"]  # a field that may be left to the program
Value = typing.TypeVar("Value")


def running(default: Value) -> Value:
    """A dataclass field of how a program runs: no number that it computes means something else by it."""
    return dataclasses.field(default=default, metadata={"runs": True})


class Difference(typing.NamedTuple):
    """A field that has another value in one config than in another."""

    path: str
    ours: object
    theirs: object
    is_computed: bool  # whether numbers depend on it: the field is no `running` one

    def __str__(self):
        return f"{self.path} {self.ours!r}, not {self.theirs!r}"


def from_dict(cls: type[Value], values: typing.Any, section: str = "") -> Value:
    """`cls` built from nested dicts; unknown or ill-typed fields are refused by name."""
    if not isinstance(values, dict):
        raise ValueError(f"`{section or 'config'}` must be an object. Received: {values!r}")
    kinds = _kinds(cls)
    arguments = {}
    for name, value in values.items():
        path = f"{section}.{name}" if section else name
        if name not in kinds:
            raise ValueError(unknown_field(path, field_paths(cls, section)))
        arguments[name] = coerce(value, kinds[name], path)
    return cls(**arguments)


def override(config: Value, assignments: Iterable[str]) -> Value:
    """A copy of `config` with `section.field=value` texts applied, each value typed by its field."""
    known = field_paths(type(config))
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise ValueError(
                f"An override must read section.field=value, such as train.batch_size=4. "
                f"Received: {assignment!r}"
            )
        config = _replace_at(config, path.strip(), path.strip().split("."), text.strip(), known)
    return config


def minutes_of(text: str) -> float:
    """Minutes of a duration such as 90s, 30m or 1h30m. ValueError for anything else, and for none."""
    match = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text.strip())
    parts = match.groups() if match else ()
    try:
        hours, minutes, seconds = (float(part or 0) for part in parts)
        total = 60 * hours + minutes + seconds / 60
        if total > 0:
            return total
    except ValueError:
        pass
    raise ValueError(f"A duration must read like 30m, 90s or 1h30m. Received: {text!r}")


def field_paths(cls: type, section: str = "") -> list[str]:
    """Dotted names of every settable field below the dataclass `cls`."""
    paths = []
    for name, kind in _kinds(cls).items():
        path = f"{section}.{name}" if section else name
        paths += field_paths(kind, path) if dataclasses.is_dataclass(kind) else [path]
    return paths


def differences(config: typing.Any, other: typing.Any, section: str = "") -> list[Difference]:
    """The Differences between two configs of one class, in the order of their fields."""
    found = []
    for field in dataclasses.fields(config):
        path = f"{section}.{field.name}" if section else field.name
        ours, theirs = getattr(config, field.name), getattr(other, field.name)
        if dataclasses.is_dataclass(ours):
            found += differences(ours, theirs, path)
        elif ours != theirs:
            found.append(Difference(path, ours, theirs, "runs" not in field.metadata))
    return found


def unknown_field(path: str, known: Sequence[str]) -> str:
    """The one line that refuses `path`, with the nearest of the `known` names."""
    leaf = path.rpartition(".")[2]
    by_leaf = {name.rpartition(".")[2]: name for name in known}
    near = difflib.get_close_matches(path, known, n=3, cutoff=0.5)
    near += [by_leaf[name] for name in difflib.get_close_matches(leaf, by_leaf, n=2, cutoff=0.6)]
    hint = ", ".join(dict.fromkeys(near)) or ", ".join(known[:5]) + ", …"
    return f"Config has no field {path!r}. Nearest: {hint}"


def coerce(value: typing.Any, kind: type, path: str) -> typing.Any:
    """`value` (text or JSON) as the annotated type `kind`; ValueError naming `path` otherwise."""
    if dataclasses.is_dataclass(kind):
        return from_dict(kind, value, path)
    if typing.get_origin(kind) is tuple:
        return _coerce_tuple(value, kind, path)
    if isinstance(kind, types.UnionType):
        raise TypeError(f"{path}: union fields are not supported")
    convert = {bool: _to_bool, int: _to_int, AutoInt: _to_auto_int, float: _to_float, str: _to_str}[kind]
    result = convert(value)
    if result is None:
        raise ValueError(f"`{path}` must be {_KIND_NAMES[kind]}. Received: {value!r}")
    return result


_KIND_NAMES = {
    bool: "true or false",
    int: "a whole number",
    AutoInt: "a whole number or auto",
    float: "a finite number",
    str: "text",
}


def _kinds(cls: type) -> dict[str, type]:
    """Name -> annotated type of the fields of a dataclass."""
    return typing.get_type_hints(cls, include_extras=True)  # which tell an AutoInt from an int


def _coerce_tuple(value, kind, path):
    if isinstance(value, str):
        value = [part.strip() for part in value.strip("()[] ").split(",") if part.strip()]
    item = typing.get_args(kind)[0]
    if not isinstance(value, (list, tuple)):
        items = "names" if item is str else "numbers"
        raise ValueError(f"`{path}` must be a list of {items}. Received: {value!r}")
    return tuple(coerce(part, item, path) for part in value)


def _to_bool(value):
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(str(value).lower())


def _to_int(value):
    if isinstance(value, bool):
        return None
    try:
        return int(value) if float(value) == int(float(value)) else None
    except (TypeError, ValueError, OverflowError):
        return None


def _to_auto_int(value):
    return AUTO if value == "auto" else _to_int(value)


def _to_float(value):
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _to_str(value):
    return value if isinstance(value, str) else None


def _replace_at(node, path, names, text, known):
    kind = _kinds(type(node)).get(names[0])
    is_section = dataclasses.is_dataclass(kind)
    if kind is None or is_section != (len(names) > 1):
        raise ValueError(unknown_field(path, known))
    value = (
        _replace_at(getattr(node, names[0]), path, names[1:], text, known)
        if is_section
        else coerce(text, kind, path)
    )
    return dataclasses.replace(node, **{names[0]: value})
