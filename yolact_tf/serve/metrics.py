"""What Prometheus reads at /metrics: counts, times and sizes in its text format."""

import bisect
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32)


class Counter:
    """How often each of some things happened, by the values of its labels."""

    kind = "counter"

    def __init__(self, *labels: str):
        self._labels = labels
        self._counts: dict[tuple, int] = {}
        self._lock = threading.Lock()

    def add(self, *values: object) -> None:
        """Counts one more with these values of the labels."""
        with self._lock:
            self._counts[values] = self._counts.get(values, 0) + 1

    def lines(self, name: str) -> Iterator[str]:
        """The lines of the text format."""
        for values, count in sorted(self._counts.items(), key=str):
            yield f"{name}{_label_text(dict(zip(self._labels, values)))} {count}"


class Histogram:
    """How many of some values are at most as large as each bound."""

    kind = "histogram"

    def __init__(self, bounds: tuple[float, ...]):
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def observe(self, value: float) -> None:
        """Counts one more value."""
        with self._lock:
            self._counts[bisect.bisect_left(self._bounds, value)] += 1
            self._sum += value

    def lines(self, name: str) -> Iterator[str]:
        """The lines of the text format."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        seen = 0
        for bound, count in zip((*self._bounds, "+Inf"), counts):
            seen += count
            yield f"{name}_bucket{_label_text({'le': bound})} {seen}"
        yield f"{name}_sum {total}"
        yield f"{name}_count {seen}"


class Gauge:
    """A value that is asked for when it is read."""

    kind = "gauge"

    def __init__(self, read: Callable[[], float]):
        self._read = read

    def lines(self, name: str) -> Iterator[str]:
        """The line of the text format."""
        yield f"{name} {self._read()}"


class Metrics:
    """The measurements of one server; a name may be given a `Gauge` of its own.

    add: metrics.add("yolact_served_version", "What it is.", Gauge(read)).
    """

    def __init__(self) -> None:
        self._all: dict[str, tuple[str, Counter | Histogram | Gauge]] = {}
        self.requests = Counter("action", "code")
        self.seconds = Histogram(SECONDS)
        self.batch_rows = Histogram(ROWS)
        self.add(
            "yolact_requests_total", "Requests by what they ask for and status of the answer.", self.requests
        )
        self.add(
            "yolact_predict_seconds", "Time from the head of a predict request to its answer.", self.seconds
        )
        self.add("yolact_batch_rows", "Rows that the network was run on at once.", self.batch_rows)
        self.add("process_resident_memory_bytes", "Memory of the server.", Gauge(_resident_bytes))
        self.add("process_cpu_seconds_total", "Processor time of the server.", Gauge(time.process_time))

    def add(self, name: str, purpose: str, metric: Counter | Histogram | Gauge) -> None:
        """Has `text` tell of one more."""
        self._all[name] = purpose, metric

    def text(self) -> str:
        """All of them in Prometheus' text format."""
        lines = []
        for name, (purpose, metric) in self._all.items():
            lines += [f"# HELP {name} {purpose}", f"# TYPE {name} {metric.kind}", *metric.lines(name)]
        return "\n".join(lines) + "\n"


def _label_text(labels: Mapping[str, object]) -> str:
    pairs = [f'{key}="{value}"' for key, value in labels.items()]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _resident_bytes():
    """0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
