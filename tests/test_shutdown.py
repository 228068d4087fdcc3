"""A process that is told to end cleans up before."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yolact_tf.shutdown import POLITE, Terminated, ending_in_order
from yolact_tf.train.interrupt import interruptible

YOLACT = Path(sys.executable).with_name("yolact")


@pytest.fixture(autouse=True)
def default_handlers():
    """As a shell starts a command, also where the tests run under `nohup`."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in POLITE}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", POLITE)
def test_a_killed_command_leaves_nothing_behind(number, tmp_path):
    command = [YOLACT, "data", "make-shapes", tmp_path / "shapes", "--train", "100000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob(".shapes.*/made/images/*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert errors.splitlines()[-1] == "yolact: terminated" and "Traceback" not in errors
    assert os.listdir(tmp_path) == []


def test_a_second_signal_does_not_stop_the_cleaning_up():
    cleaned = False
    with pytest.raises(Terminated) as caught, ending_in_order():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            cleaned = True
    assert cleaned and caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ending_in_order(), interruptible() as reason:
        os.kill(os.getpid(), signal.SIGHUP)
        assert reason() is None


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated), (signal.SIGHUP, Terminated)],
)
def test_training_is_told_and_ends_at_once_when_told_twice(number, error):
    with pytest.raises(error) as caught, interruptible() as reason:
        assert reason() is None
        os.kill(os.getpid(), number)
        assert isinstance(reason(), error)
        os.kill(os.getpid(), number)
    assert error is KeyboardInterrupt or caught.value.code == 128 + number
