"""Bytes of a REST answer for a 640x480 image with 20 objects, from a real server.

python benchmarks/reply_size.py runs/demo/export/yolact
"""

import base64
import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from yolact_tf.data.synthetic.shapes import make_shapes

PORT = 8599
URL = f"http://127.0.0.1:{PORT}/v1/models/yolact"


def main(saved_model):
    with tempfile.TemporaryDirectory() as folder:
        shapes = make_shapes(
            Path(folder) / "shapes",
            train_images=0,
            val_images=4,
            image_size=(480, 640),
            min_objects=20,
            max_objects=20,
        )
        images = [path.read_bytes() for path in sorted((shapes / "images").iterdir())]
    command = [sys.executable, "-m", "yolact_tf", "serve", saved_model, "--port", str(PORT)]
    with subprocess.Popen(command) as server:
        try:
            wait_for(URL)
            for image in images:
                body = {"instances": [{"image_bytes": {"b64": base64.b64encode(image).decode()}}]}
                start = time.perf_counter()
                answer = ask(f"{URL}:predict", json.dumps(body).encode())
                (found,) = json.loads(answer)["predictions"]
                sure = sum(score > 0.3 for score in found["scores"])
                print(
                    f"{len(answer) / 1000:.1f} kB, {found['num_detections']} detections, {sure} above 0.3, "
                    f"{1000 * (time.perf_counter() - start):.0f} ms"
                )
        finally:
            server.terminate()


def ask(url, body=None):
    with urllib.request.urlopen(url, body, timeout=60) as answer:
        return answer.read()


def wait_for(url):
    for _ in range(240):
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            ask(url)
            return
        time.sleep(0.25)
    raise TimeoutError(f"{url} did not answer within a minute")


if __name__ == "__main__":
    main(*sys.argv[1:])
