"""Packages that only some artefacts need."""

import importlib
from typing import Any


def require_package(name: str, extra: str) -> Any:
    """The module `name`. ImportError in one line, with the command that installs it, where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{extra} artefacts need {name}: pip install 'yolact_tf[{extra}]' ({error})"
        ) from None
