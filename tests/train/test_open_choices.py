import dataclasses

import pytest

import yolact_tf
from yolact_tf.data.load import load_data
from yolact_tf.train import open_choices
from yolact_tf.train.open_choices import with_choices, with_devices
from yolact_tf.train.resume import accept_changes

OPEN = yolact_tf.load_config("resnet50_550", ["train.batch_size=8"])


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_a_run_goes_on_with_its_batch_norm_on_any_number_of_devices(first, second, shapes_data, tmp_path):
    assert OPEN.train.freeze_batch_norm == "auto"
    data = load_data(shapes_data, "train")
    known = with_devices(with_choices(OPEN, data, None), first)
    assert known.train.freeze_batch_norm == ("never" if first == 1 else "always")
    again = with_choices(OPEN, data, known)
    accept_changes(again, known, tmp_path, steps_per_epoch=3)
    assert with_devices(again, second) == known
    # What is asked for by name is another recipe, unless it is what the run has.
    train = dataclasses.replace(OPEN.train, freeze_batch_norm="never" if first == 2 else "always")
    other = with_choices(dataclasses.replace(OPEN, train=train), data, known)
    with pytest.raises(ValueError, match="Received other values: train.freeze_batch_norm"):
        accept_changes(other, known, tmp_path, steps_per_epoch=3)


def test_what_is_left_to_the_machine_is_asked_once(shapes_data, monkeypatch):
    data = load_data(shapes_data, "train")
    config = dataclasses.replace(OPEN, train=dataclasses.replace(OPEN.train, batch_size=0))
    monkeypatch.setattr(open_choices, "largest_batch", lambda config, num_images: num_images // 6)
    known = with_choices(config, data, None)
    assert (known.train.batch_size, known.model.num_classes) == (4, 6)
    monkeypatch.setattr(open_choices, "largest_batch", None)
    assert with_choices(config, data, known) == known


def test_a_run_that_goes_on_asks_for_no_weights_to_start_from(shapes_data, tmp_path):
    data = load_data(shapes_data, "train")
    model = dataclasses.replace(OPEN.model, backbone_weights="/gone/run")
    known = with_choices(dataclasses.replace(OPEN, model=model), data, None)
    again = with_choices(OPEN, data, known)
    assert again == known
    accept_changes(again, known, tmp_path, steps_per_epoch=3)
