"""Packages that only some of what the program does needs, each by the extra that installs it."""

import importlib
from typing import Any


def require_package(name: str, extra: str, who: str | None = None) -> Any:
    """The module `name`. ImportError in one line, with the command that installs it, where it is missing.

    who: needs it, in the plural; artefacts of the kind that `extra` names where None.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{who or f'{extra} artefacts'} need {name}: pip install 'yolact_tf[{extra}]' ({error})"
        ) from None
