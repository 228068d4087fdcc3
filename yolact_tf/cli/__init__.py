"""`yolact`: a request in, its answer printed, an exit code out.

Exit codes: 0 done, 1 the check it was asked for failed, 2 the request was wrong or could not be met.
"""

import logging
import os
import sys
import traceback
from typing import Any, NoReturn

# TensorFlow's C++ log would drown our lines; a user's own setting stands.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import typer

from yolact_tf.cli.commands import app
from yolact_tf.shutdown import Terminated, ending_in_order

# Typer's own copy of click in newer releases, the package click in older ones.
ClickException: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")

_INTERRUPTED = 130  # 128 and the number of the signal, as shells count
_LONGEST = 300  # characters: TensorFlow's errors hold whole stacks


def main() -> NoReturn:
    """Entry point: errors become one line on stderr and exit code 2."""
    logging.basicConfig(format="yolact: %(message)s", level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    try:
        with ending_in_order():
            code = app(standalone_mode=False)
        if code == _INTERRUPTED:  # newer releases of Typer swallow Ctrl-C
            raise KeyboardInterrupt
    except ClickException as error:
        _fail(error.format_message(), 2)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted", _INTERRUPTED)
    except Terminated as end:
        _fail("terminated", end.code)
    except ArithmeticError as error:
        _fail(error, 1)
    except (ValueError, OSError, ImportError) as error:
        _fail(error, 2)
    except Exception as error:  # such as MemoryError, those of a logger's service, and mistakes of ours
        _fail(_with_place(error), 2)
    sys.exit(code or 0)


def _with_place(error):
    """What an error that no one foresaw says, and where it comes from, for the report that it deserves."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    message = " ".join(str(error).split())[:_LONGEST]
    return f"{type(error).__name__} at {place.filename}:{place.lineno}{message and ': '}{message}"


def _fail(message, code):
    print("yolact: " + " ".join(str(message).split()), file=sys.stderr)
    sys.exit(code)
