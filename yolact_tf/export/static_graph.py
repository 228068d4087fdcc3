"""The traced function as a SavedModel of one image and a fixed size, which converters read."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from yolact_tf.export.serving import Serving
from yolact_tf.runs import Run


@contextmanager
def static_saved_model(run: Run, outputs: str = "detections") -> Iterator[str]:
    """Yields the folder of a SavedModel whose `serving_default` takes `image` float32 [1, S, S, 3 or 1].

    outputs: as `to_litert` has them.
    """
    serving = Serving(run)
    answers = {"detections": serving.detect, "explore": serving.explore, "heads": serving.heads}
    answer = answers[outputs]
    spec = tf.TensorSpec([1, *run.model.input_shape[1:]], tf.float32, name="image")
    archive = keras.export.ExportArchive()
    archive.add_endpoint("serving_default", lambda image: answer(image), [spec])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        yield folder
