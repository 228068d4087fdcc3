"""How many cores this process may use: fewer than the machine has in a container or under taskset."""

import os


def usable_cores() -> int:
    """Number of cores that the process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
