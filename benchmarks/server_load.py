"""Many clients at once against a real server, every answer compared with what the same image got alone.

    python benchmarks/server_load.py runs/demo/export/yolact --clients 64 --seconds 60
    python benchmarks/server_load.py resnet50_550    (a recipe: exported with random weights)

In each round one client, then all. Each image has a size of its own, which its answer repeats, so that a
swapped answer shows whatever is detected. Exits with 1 where an answer is missing or wrong, or clients waited
too long: p99 over 1.5 times the clients times what an answer takes.
"""

import argparse
import base64
import collections
import contextlib
import http.client
import io
import json
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

from yolact_tf import build_yolact, load_config
from yolact_tf.data.synthetic.shapes import make_shapes
from yolact_tf.runs import Run, untrained

IMAGES = 16
LONGEST_WAIT = 1.5  # of the time that all clients' requests take one after the other


def main():
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        bodies = _bodies(Path(folder) / "shapes", options.side)
        export = options.model if Path(options.model).is_dir() else _export(options.model, Path(folder))
        with _server(export, options.serve) as (port, process):
            return _measure(port, process, bodies, options)


def _measure(port, process, bodies, options):
    expected = [Expected(_ask(http.client.HTTPConnection("127.0.0.1", port), body)[1]) for body in bodies]
    ratios, is_good = [], True
    for _ in range(options.rounds):
        before = _memory(process)
        alone = Load(port, bodies, expected, 1, options.seconds_alone)
        together = Load(port, bodies, expected, options.clients, options.seconds)
        ratios.append(together.rate / alone.rate)
        longest = LONGEST_WAIT * options.clients / together.rate
        is_good &= not (together.faults or alone.faults) and together.percentile(99) <= longest
        print(alone.report(), together.report(), sep="\n")
        print(f"  {ratios[-1]:.2f} times the answers a second; p99 may be {1000 * longest:.0f} ms")
        print(f"  memory: {before} MiB before, {_memory(process)} after", flush=True)
    print(f"median: {statistics.median(ratios):.2f} times the answers a second of one client")
    return 0 if is_good else 1


class Load:
    """What came of `clients` that ask one request after the other for so many seconds."""

    def __init__(self, port, bodies, expected, clients, seconds):
        self.clients, self.times, self.faults = clients, [], collections.Counter()
        started = time.perf_counter()
        threads = [
            threading.Thread(target=self._ask_on, args=(port, bodies, expected, number, started + seconds))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.rate = len(self.times) / (time.perf_counter() - started)

    def _ask_on(self, port, bodies, expected, number, end):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        while time.perf_counter() < end:
            number = (number + 1) % len(bodies)
            started = time.perf_counter()
            try:
                status, answer = _ask(connection, bodies[number])
            except (OSError, http.client.HTTPException) as error:
                self.faults[f"no answer: {error!r}"] += 1
                connection.close()
                continue
            if status == 200 and expected[number].is_met_by(answer):
                self.times.append(time.perf_counter() - started)
            else:
                self.faults["wrong answer" if status == 200 else f"status {status}"] += 1

    def percentile(self, percent):
        return float(np.percentile(self.times, percent)) if self.times else float("inf")

    def report(self):
        faults = dict(self.faults) or "no faults"
        times = ", ".join(f"p{percent} {1000 * self.percentile(percent):.0f} ms" for percent in (50, 99))
        return f"{self.clients} clients: {len(self.times)} answers, {self.rate:.1f}/s, {times}, {faults}"


class Expected:
    """What an image's answer must be: numbers may differ by what a batch of another size does to floats."""

    def __init__(self, answer):
        (self._found,) = json.loads(answer)["predictions"]
        self._seen = {answer}

    def is_met_by(self, answer):
        if answer in self._seen:
            return True
        (found,) = json.loads(answer)["predictions"]
        same = all(found[key] == self._found[key] for key in ("num_detections", "image_size", "classes"))
        near = all(
            np.allclose(found[key], self._found[key], atol=atol)
            for key, atol in (("boxes", 0.1), ("scores", 1e-3))
        )
        if same and near:
            self._seen.add(answer)
        return same and near


def _ask(connection, body):
    connection.request("POST", "/v1/models/yolact:predict", body)
    response = connection.getresponse()
    return response.status, response.read()


def _bodies(folder, side):
    make_shapes(folder, train_images=0, val_images=IMAGES, image_size=side)
    bodies = []
    for number, path in enumerate(sorted((folder / "images").iterdir())):
        encoded = io.BytesIO()
        Image.open(path).convert("RGB").resize((side + number, side)).save(encoded, "JPEG", quality=90)
        instance = {"image_bytes": {"b64": base64.b64encode(encoded.getvalue()).decode()}}
        bodies.append(json.dumps({"instances": [instance]}))
    return bodies


def _export(recipe, folder):
    from yolact_tf.export import to_saved_model

    config = untrained(load_config(recipe))
    labels = {i: f"class {i}" for i in range(config.model.num_classes)}
    return str(to_saved_model(Run(build_yolact(config), config, labels), folder / "yolact"))


@contextlib.contextmanager
def _server(export, arguments):
    command = [sys.executable, "-m", "yolact_tf", "serve", export, "--port", "0", *shlex.split(arguments)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = iter(process.stderr.readline, "")
            found = next(filter(None, (re.search(r"demo page http://[^:]*:(\d+)/", line) for line in lines)))
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield int(found.group(1)), process
        finally:
            process.terminate()


def _memory(process):
    """MiB that the server holds."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def _options():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="folder of an export, or a recipe")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seconds-alone", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--side", type=int, default=192, help="pixels of the images")
    parser.add_argument("--serve", default="", help="further arguments of `yolact serve`, as one text")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
