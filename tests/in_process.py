"""The command line without a process of its own: TensorFlow is loaded here already."""

import sys

import pytest

from yolact_tf.cli import main


def in_process(capsys, monkeypatch, *arguments):
    """(exit code, stdout, stderr) of `yolact` with these arguments, run in this process."""
    monkeypatch.setattr(sys, "argv", ["yolact", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    captured = capsys.readouterr()
    return stopped.value.code, captured.out, captured.err
