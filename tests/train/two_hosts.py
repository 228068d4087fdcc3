"""Two hosts of one machine: network namespaces with a cable between them. Needs Linux and its root."""

import contextlib
import os
import socket
import subprocess
from pathlib import Path

ADDRESSES = ("10.213.71.1", "10.213.71.2")


class TwoHosts:
    """What `two_hosts` makes."""

    def __init__(self, names, folder):
        self.names, self.folder = names, folder

    def start(self, host, command, environment, output):
        """Starts a process on host 0 or 1; all that it prints goes to the file `output`."""
        # Gloo, JAX's way between CPUs, asks the machine for the address of its own name.
        own = self.folder / f"hosts{host}"
        own.write_text(f"127.0.0.1 localhost\n{ADDRESSES[host]} {socket.gethostname()}\n")
        script = f'mount --bind {own} /etc/hosts && exec "$@"'
        inside = ["ip", "netns", "exec", self.names[host], "unshare", "--mount", "sh", "-c", script, "sh"]
        with open(output, "w") as file:
            return subprocess.Popen(
                [*inside, *map(str, command)],
                env={**os.environ, **environment},
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def sent(self):
        """Bytes that host 0 has sent."""
        shown = _ip("netns", "exec", self.names[0], "cat", "/proc/net/dev").splitlines()
        return next(int(line.split()[9]) for line in shown if line.strip().startswith("cable"))


@contextlib.contextmanager
def two_hosts(folder: Path):
    """Yields TwoHosts, which are gone afterwards. OSError where the system lends no namespaces."""
    names = [f"yolact{os.getpid()}{end}" for end in "ab"]
    try:
        for name in names:
            _ip("netns", "add", name)
        ends = [word for name in names for word in ("cable", "netns", name)]
        _ip("link", "add", *ends[:3], "type", "veth", "peer", "name", *ends[3:])
        for name, address in zip(names, ADDRESSES, strict=True):
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "cable")
            for device in ("lo", "cable"):
                _ip("-n", name, "link", "set", device, "up")
        yield TwoHosts(names, folder)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
