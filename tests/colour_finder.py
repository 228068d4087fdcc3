"""A small SavedModel with the contract's signatures that really looks at its image, to test the server."""

import contextlib
import io
import socket
import threading
from typing import ClassVar

import numpy as np
import tensorflow as tf
from PIL import Image

SLOTS = 100
NAMES = ["red kite", "blue <b>ball</b>"]
ALPHABET = [chr(48 + code) for code in range(64)]


def bytes_spec(name="image_bytes"):
    return tf.TensorSpec([None], tf.string, name)


class ColourFinder(tf.Module):
    """Finds the red and the blue part of an image, with the outputs that a YOLACT export has."""

    @tf.function(input_signature=[bytes_spec()])
    def find(self, image_bytes):
        kinds = {"boxes": tf.float32, "scores": tf.float32, "classes": tf.int32, "class_names": tf.string}
        kinds |= {"num_detections": tf.int32, "masks_rle": tf.string, "image_size": tf.int32}
        return tf.map_fn(_find_in_one, image_bytes, fn_output_signature=kinds)

    @tf.function(input_signature=[bytes_spec()])
    def png(self, image_bytes):
        return {
            "masks_png_bytes": tf.expand_dims(image_bytes, 1),
            "scores": tf.ones_like(image_bytes, tf.float32),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.uint8, "images")])
    def mean_colour(self, images):
        return {"mean": tf.reduce_mean(tf.cast(images, tf.float32), axis=[1, 2])}

    @tf.function(
        input_signature=[tf.TensorSpec([None, 2], tf.float32, "a"), tf.TensorSpec([None], tf.int32, "b")]
    )
    def two_inputs(self, a, b):
        return {"sum": tf.reduce_sum(a, 1) + tf.cast(b, tf.float32), "twice": 2 * b}

    @tf.function(input_signature=[bytes_spec()])
    def unbatched(self, image_bytes):
        return {"count": tf.size(image_bytes), "text": image_bytes}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "seed")])
    def crowd(self, seed):
        boxes = tf.random.stateless_uniform([1, SLOTS, 4], [1, 2], maxval=550.0)
        names, counts = tf.fill([1, SLOTS], "traffic light"), tf.fill([1, SLOTS], "`Vm1d0\\l2" * 40)
        classes = tf.cast(boxes[..., 1], tf.int32)
        found = {"boxes": boxes, "scores": boxes[..., 0] / 550, "classes": classes}
        return found | {"class_names": names, "masks_rle": counts}


def _find_in_one(image_bytes):
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, 3])
    red, green, blue = tf.unstack(tf.cast(image, tf.int32), axis=-1)
    masks = tf.stack([(red > 150) & (green + blue < 200), (blue > 150) & (red + green < 200)])
    classes = tf.cast(tf.where(tf.reduce_any(masks, [1, 2]))[:, 0], tf.int32)
    masks = tf.gather(masks, classes)
    empty = SLOTS - tf.size(classes)
    return {
        "num_detections": tf.size(classes),
        "boxes": tf.pad(tf.map_fn(_extent, masks, fn_output_signature=tf.float32), [[0, empty], [0, 0]]),
        "scores": tf.pad(tf.gather([0.9, 0.35], classes), [[0, empty]]),
        "classes": tf.pad(classes + 1, [[0, empty]], constant_values=-1),
        "class_names": tf.concat([tf.gather(NAMES, classes), tf.fill([empty], "")], 0),
        "masks_rle": tf.concat(
            [tf.map_fn(_to_rle, masks, fn_output_signature=tf.string), tf.fill([empty], "")], 0
        ),
        "image_size": tf.shape(image)[:2],
    }


def _extent(mask):
    pixels = tf.cast(tf.reverse(tf.where(mask), [1]), tf.float32)
    return tf.concat([tf.reduce_min(pixels, 0), tf.reduce_max(pixels, 0) + 1], 0)


def _to_rle(mask):
    """COCO's compressed run lengths of one mask [H, W], in the ops that a served graph may use."""
    flat = tf.reshape(tf.transpose(mask), [-1])
    changes = tf.where(tf.concat([[False], flat[:-1]], 0) != flat)[:, 0]
    bounds = tf.concat([[0], tf.cast(changes, tf.int32), [tf.size(flat)]], 0)
    counts = bounds[1:] - bounds[:-1]
    rest = counts - tf.concat([[0, 0, 0], counts[1:]], 0)[: tf.size(counts)]
    codes, used, is_used = [], [], tf.ones_like(rest, tf.bool)
    for _ in range(6):
        low, rest = rest & 31, tf.bitwise.right_shift(rest, 5)
        is_followed = tf.where(low & 16 > 0, rest != -1, rest != 0)
        codes.append(low + 32 * tf.cast(is_followed, tf.int32))
        used.append(is_used)
        is_used &= is_followed
    return tf.strings.reduce_join(tf.gather(ALPHABET, tf.boolean_mask(tf.stack(codes, 1), tf.stack(used, 1))))


class Gate:
    """A signature that counts its calls and answers none before it is opened."""

    structured_input_signature = (), {"numbers": tf.TensorSpec([None], tf.int32, "numbers")}
    structured_outputs: ClassVar = {"numbers": tf.TensorSpec(None, tf.int32)}  # of any rank: no batch

    def __init__(self):
        self.calls = 0
        self._lock, self._opened = threading.Lock(), threading.Event()

    def __call__(self, numbers):
        with self._lock:
            self.calls += 1
        assert self._opened.wait(60)
        return {"numbers": numbers}

    def open(self):
        self._opened.set()


class Tenth(tf.Module):
    """An older version, with other signatures: version numbers must make a difference."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def tenth(self, x):
        return {"y": x / 10}


def draw(height=30, width=40, kind="PNG"):
    """A red disc and a blue bar on grey. Returns the encoded bytes and the two masks [2, H, W]."""
    y, x = np.mgrid[:height, :width]
    red = (x - width * 0.3) ** 2 + (y - height * 0.45) ** 2 < (height * 0.3) ** 2
    blue = (x > width * 0.7) & (abs(y - height / 2) < height * 0.4)
    image = np.full((height, width, 3), 140, np.uint8)
    image[red], image[blue] = (220, 40, 30), (30, 60, 220)
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, kind)
    return encoded.getvalue(), np.stack([red, blue])


def save_export(root):
    """Fills a folder in TF Serving's layout: 2 is a `Tenth`, 10 a `ColourFinder`, 11 is empty."""
    old, new = Tenth(), ColourFinder()
    tf.saved_model.save(old, root / "2", signatures=old.tenth)
    names = ("png", "mean_colour", "two_inputs", "unbatched", "crowd")
    signatures = {"serving_default": new.find} | {name: getattr(new, name) for name in names}
    tf.saved_model.save(new, root / "10", signatures)
    (root / "11").mkdir()
    (root / "models.config").write_text("")
    return root


@contextlib.contextmanager
def serving(app, patience=60):
    """Runs a real server of an application in a thread. Yields its (host, port)."""
    import uvicorn

    from yolact_tf.serve.connections import patient_for

    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=patient_for(patience), log_level="warning", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        running.should_exit = True
        thread.join(10)
