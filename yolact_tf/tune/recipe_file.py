"""A config as the Python file that a recipe is."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from yolact_tf.config import Config
from yolact_tf.files import write_text


def write_recipe(config: Config, docstring: str, target: Path, remarks: dict[str, str]) -> None:
    """Writes a recipe that `load_config` reads as an equal Config, whole or not at all.

    It names what differs from the defaults.  remarks: section.field -> comment beside it.
    """
    sections = [type(value).__name__ for _, value in _changed(config) if dataclasses.is_dataclass(value)]
    docstring = docstring.replace("\\", "\\\\").replace('"', '\\"')
    names = ", ".join(sorted({"Config", *sections}))
    head = f'"""{docstring}"""\n\nfrom yolact_tf.config import {names}\n\n'
    write_text(target, f"{head}config = {_source(config, '', '', remarks)}\n")


def _changed(value):
    """(name, value) of the fields that are not at their default."""
    for field in dataclasses.fields(value):
        is_made = field.default_factory is not dataclasses.MISSING
        default: Any = field.default_factory() if is_made else field.default
        if getattr(value, field.name) != default:
            yield field.name, getattr(value, field.name)


def _source(value, section, indent, remarks):
    """The call that makes a dataclass, a field a line."""
    lines = [f"{type(value).__name__}("]
    for name, part in _changed(value):
        path = f"{section}.{name}" if section else name
        is_section = dataclasses.is_dataclass(part)
        text = _source(part, path, f"{indent}    ", remarks) if is_section else _literal(part)
        remark = f"  # {remarks[path]}" if path in remarks else ""
        lines.append(f"{indent}    {name}={text},{remark}")
    return "\n".join([*lines, f"{indent})"])


def _literal(value):
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
