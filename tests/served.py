"""`yolact serve` as a process, for what asks it over HTTP."""

import contextlib
import socket
import subprocess
import sys
import time
import urllib.request


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(command, port):
    """`yolact serve` in a process of its own, until it answers."""
    process = subprocess.Popen([sys.executable, "-m", "yolact_tf", *command[1:]], stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10).close()
                break
            assert process.poll() is None, "the server ended"
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(60)
