"""Asks TF Serving, or `yolact serve`, for the objects in a photograph: HTTP and JSON, nothing of yolact_tf.

    python examples/ask_tf_serving.py photo.jpg answer.png --url http://localhost:8501/v1/models/yolact

Each object's mask comes as COCO's compressed RLE, of the size of the photograph.
"""

import argparse
import base64
import json
import urllib.request

import numpy as np
from PIL import Image, ImageOps
from pycocotools import mask as rle


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("photo")
    arguments.add_argument("output", help="PNG with a colour an object")
    arguments.add_argument("--url", default="http://localhost:8501/v1/models/yolact")
    arguments.add_argument("--least", type=float, default=0.3, help="score from which on an object is shown")
    options = arguments.parse_args()

    found = ask(options.url, options.photo)
    pixels = np.array(ImageOps.exif_transpose(Image.open(options.photo)).convert("RGB"))
    colors = np.random.default_rng(0).integers(64, 256, (len(found["scores"]), 3))
    for i in range(found["num_detections"]):
        if found["scores"][i] < options.least:
            continue
        print(f"{found['class_names'][i]} {found['scores'][i]:.2f} {found['boxes'][i]}")
        mask = rle.decode({"size": found["image_size"], "counts": found["masks_rle"][i]}).astype(bool)
        pixels[mask] = (pixels[mask] + colors[i]) // 2
    Image.fromarray(pixels).save(options.output)


def ask(url, photo):
    """What the server says of one image: a dict of lists, filled with zeros behind `num_detections`."""
    with open(photo, "rb") as file:
        encoded = base64.b64encode(file.read()).decode()
    body = json.dumps({"instances": [{"b64": encoded}]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}:predict", body), timeout=60) as answer:
        return json.load(answer)["predictions"][0]


if __name__ == "__main__":
    main()
