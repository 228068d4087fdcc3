import io
import math
from operator import itemgetter

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from yolact_tf.train.watch.tensorboard import TensorBoardLog


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """What TensorBoard reads: two epochs, written by two callbacks as in a run taken up again."""
    folder = tmp_path_factory.mktemp("run") / "tensorboard"
    for epoch, ap in enumerate((math.nan, 0.25)):
        board = TensorBoardLog(folder)
        board.on_train_begin()
        board.on_epoch_end(epoch, {"loss": 3.0 - epoch, "val_mask_AP": ap})
        board.show(epoch, {"pictures/one": np.full((4, 5, 3), 77, "uint8")}, np.array([3, 0, 2, 0, 1]))
        board.on_train_end()
    return EventAccumulator(str(folder), {"tensors": 0}).Reload()


def steps_of(events, tag):
    """In order: of files that were begun in the same second TensorBoard may read the later one first."""
    read = [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
    return sorted(read, key=itemgetter(0))


def test_scalars_are_counted_from_epoch_one(events):
    assert [(step, float(value)) for step, value in steps_of(events, "train/loss")] == [(1, 3.0), (2, 2.0)]


def test_an_epoch_without_validation_has_no_ap(events):
    assert [(step, float(value)) for step, value in steps_of(events, "validation/mask_AP")] == [(2, 0.25)]


def test_pictures_are_as_given(events):
    (width, height, encoded) = steps_of(events, "pictures/one")[-1][1]
    assert (int(width), int(height)) == (5, 4)
    assert (np.asarray(Image.open(io.BytesIO(encoded))) == 77).all()


def test_each_level_is_a_bar_of_its_own(events):
    step, bars = steps_of(events, "anchors/positives by level P3 to P7")[0]
    assert step == 1
    assert bars.tolist() == [[2.5, 3.5, 3], [3.5, 4.5, 0], [4.5, 5.5, 2], [5.5, 6.5, 0], [6.5, 7.5, 1]]
