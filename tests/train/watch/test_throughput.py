import math

import pytest

from yolact_tf.train.watch import throughput as pace_module
from yolact_tf.train.watch.throughput import Throughput


class Clock:
    """Stands in for the module `time`."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def started(steps=5, epochs=3, remaining_seconds=None):
    pace = Throughput(4, remaining_seconds)
    pace.set_params({"steps": steps, "epochs": epochs})
    pace.on_train_begin()
    return pace


def train(pace, clock, epoch, seconds):
    """An epoch of steps that take `seconds` each."""
    pace.on_epoch_begin(epoch)
    for step, duration in enumerate(seconds):
        clock.now += duration
        pace.on_train_batch_end(step)


def test_the_first_step_does_not_count(clock):
    pace, logs = started(), {}
    train(pace, clock, 0, [30, 0.5, 0.5, 0.5, 0.5])
    pace.on_epoch_end(0, logs)
    assert logs == {"images_per_second": 8.0}
    assert pace.elapsed == 32


def test_nothing_is_told_before_the_second_step(clock):
    pace = started()
    train(pace, clock, 0, [30])
    assert math.isnan(pace.images_per_second) and pace.seconds_left is None


def test_the_time_left_by_hand(clock):
    pace = started()
    train(pace, clock, 0, [30, 1, 1])
    # Two steps of this epoch and two epochs of five, a second each.
    assert pace.seconds_left == 12

    pace = started()
    train(pace, clock, 0, [30, 1, 1, 1, 1])
    clock.now += 9  # validation
    train(pace, clock, 1, [1, 1, 1])
    # Two steps, then one more epoch: ten seconds until its first step is done, and four.
    assert pace.seconds_left == 2 + 10 + 4
    train(pace, clock, 2, [1, 1, 1, 1, 1])
    assert pace.seconds_left == 0


def test_a_continued_run_counts_from_where_it_is(clock):
    pace = started(epochs=10)
    train(pace, clock, 8, [30, 1, 1, 1, 1])
    assert pace.seconds_left == 5


def test_a_budget_ends_it_sooner(clock):
    pace = started(remaining_seconds=lambda: 7.0)
    assert pace.seconds_left == 7
    train(pace, clock, 0, [30, 1, 1])
    assert pace.seconds_left == 7
    train(pace, clock, 2, [1, 1, 1])
    assert pace.seconds_left == 2
    assert started(remaining_seconds=lambda: -3.0).seconds_left == 0


def test_without_a_number_of_steps_nothing_is_estimated(clock):
    pace = started(steps=None)
    train(pace, clock, 0, [30, 1, 1])
    assert pace.seconds_left is None and pace.images_per_second == 4
