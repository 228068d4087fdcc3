"""What is told of work that advances, where there is no terminal."""

import pytest

from yolact_tf.cli import progress


@pytest.fixture
def clock(monkeypatch):
    """Sets what time it is."""
    times = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[-1])
    return times.append


@pytest.mark.parametrize(
    ("total", "lines"),
    [
        (100, ["detecting: 41/100, 4.0 frames/s, 15 s left", "detecting: 81/100, 4.0 frames/s, 5 s left"]),
        (
            None,
            ["detecting: 41, 4.0 frames/s", "detecting: 81, 4.0 frames/s", "detecting: 100, 3.3 frames/s"],
        ),
    ],
)
def test_rates_are_those_after_the_first(total, lines, clock, capsys):
    with progress.rate_bar("detecting", "frames", total) as report:
        for now, done in [(100, 1), (105, 21), (110, 41), (120, 81), (130, 100)]:
            clock(now)
            report(done)
    assert capsys.readouterr().err.splitlines() == lines


def test_nothing_is_told_of_short_work(clock, capsys):
    with progress.rate_bar("detecting", "frames", 3) as report:
        for done in (1, 2, 3):
            report(done)
    assert capsys.readouterr().err == ""
