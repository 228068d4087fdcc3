import itertools
import logging

from yolact_tf.data.long_work import told


def test_all_come_through_and_long_work_is_told_of(caplog):
    seconds = itertools.count(0, 2)
    with caplog.at_level(logging.WARNING):
        items = list(told(range(7), 1200, "train.json", "images read", clock=lambda: next(seconds)))
    assert items == list(range(7))
    assert caplog.messages == ["train.json: 2 of 1,200 images read", "train.json: 5 of 1,200 images read"]


def test_short_work_is_silent(caplog):
    assert list(told("ab", 2, "", "", clock=lambda: 0.0)) == ["a", "b"]
    assert list(told((), 0, "", "")) == []
    assert not caplog.messages
