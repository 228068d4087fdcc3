"""How much memory this process may still take."""

import os
from pathlib import Path

_UNLIMITED = 2**62
_CGROUP = Path("/sys/fs/cgroup")


def free_memory() -> int:
    """Bytes that are left of the machine, or of what it lets this process have."""
    return max(0, min(_of_machine(), _of_container(), _of_process()))


def _of_machine():
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            fields = dict(line.split(":") for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except FileNotFoundError:  # not Linux: half of what there is, where that can be asked
        is_told = hasattr(os, "sysconf")
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2 if is_told else _UNLIMITED


def _of_container():
    try:
        most, taken = ((_CGROUP / name).read_text() for name in ("memory.max", "memory.current"))
        return int(most) - int(taken)
    except (OSError, ValueError):  # none, or "max"
        return _UNLIMITED


def _of_process():
    """What `ulimit -v` leaves."""
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[0]
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return _UNLIMITED
    return _UNLIMITED if most == resource.RLIM_INFINITY else most - taken
