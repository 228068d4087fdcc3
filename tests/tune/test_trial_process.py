"""A training in a process of its own: how it ends is told, whatever ends it."""

import multiprocessing

import pytest

from yolact_tf.fields import override
from yolact_tf.recipes import load_config
from yolact_tf.tune.trial_process import Task, train_apart

pytestmark = pytest.mark.whole


@pytest.fixture
def train(small_settings, shapes_data, tmp_path):
    """train(validated, at, data) -> Outcome of a training of half an hour, validated every other step."""

    def train(validated=lambda share, mask_ap: True, at=lambda share: None, data=shapes_data):
        few = ["data.image_size=64", "train.images_per_epoch=8", "train.validate_every=1", "train.minutes=30"]
        config = override(load_config("tiny_256", small_settings), few)
        task = Task(config.to_json(), str(data), tmp_path / "run", False)
        return train_apart(task, tmp_path / "log", validated, at)

    return train


def test_a_wrong_request_is_told_from_bad_luck(train, tmp_path):
    outcome = train(data=tmp_path)
    assert outcome.is_wrong_request and "expected train.json or annotations/" in outcome.error
    assert "Traceback" in (tmp_path / "log").read_text()


def test_who_is_not_to_go_on_stops(train):
    told = []

    def validated(share, mask_ap):
        told.append((share, mask_ap))
        return False

    outcome = train(validated)
    assert outcome.is_pruned and not outcome.error
    ((share, mask_ap),) = told
    assert 0 < share < 1 and 0 <= mask_ap <= 1
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_a_failed_trial(train):
    outcome = train(at=lambda share: multiprocessing.active_children()[0].kill())
    assert outcome.error.startswith("its process was killed") and not outcome.is_wrong_request


def test_an_interruption_leaves_a_state_to_go_on_from(train, tmp_path):
    def interrupt(share, mask_ap):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(interrupt)
    assert (tmp_path / "run" / "state.safetensors").is_file()
    assert not multiprocessing.active_children()
