"""What a training prints, on a terminal and into a file."""

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from yolact_tf.cli.training_progress import clock, training_report
from yolact_tf.train.watch.progress import EpochRow, Status

LOSSES = {"loss": 4.5, "box_loss": 1.25, "class_loss": 1.0, "mask_loss": 2.0, "semantic_loss": 0.25}
STATUS = Status(2, 55, 40, 120, LOSSES, 1e-3, 85.04, 3723.4)
ROW = EpochRow(2, LOSSES, 1e-3, 85.04, 0.3125, 0.25, 754.0)


def written(*calls, is_terminal=False):
    """What reports write that are called with (method, *arguments)."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=80)
    with training_report(console) as report:
        for method, *arguments in calls:
            getattr(report, method)(*arguments)
    return file.getvalue()


def test_a_file_gets_lines():
    assert written(("status", STATUS)) == (
        "epoch 2/55, step 40/120: loss 4.500, box 1.250, class 1.000, mask 2.000, semantic 0.250, "
        "lr 0.001, 85.0 images/s, ETA 1:02:03\n"
    )


def test_what_is_not_known_is_left_out():
    unknown = replace(STATUS, steps=None, images_per_second=math.nan, seconds_left=None)
    assert written(("status", unknown)).endswith("semantic 0.250, lr 0.001\n")
    assert "step 40:" in written(("status", unknown))


@pytest.mark.parametrize("is_terminal", [False, True])
def test_an_epoch_is_a_row_under_a_heading_in_80_columns(is_terminal):
    plus = {**LOSSES, "mask_iou_loss": 0.5}
    lines = written(("row", ROW), is_terminal=is_terminal)
    assert "epoch   loss    box  class   mask semantic      lr img/s box AP mask AP elapsed\n" in lines
    assert "    2  4.500  1.250  1.000  2.000    0.250 1.0e-03  85.0  0.312   0.250   12:34\n" in lines
    heading, row = written(("row", replace(ROW, losses=plus))).splitlines()
    assert " mask IoU " in heading and len(heading) == len(row)


def test_an_epoch_without_validation_has_dashes():
    row = written(("row", replace(ROW, box_ap=math.nan, mask_ap=math.nan, images_per_second=math.nan)))
    assert row.splitlines()[1].split()[-4:] == ["–", "–", "–", "12:34"]
    row = written(("row", replace(ROW, box_ap=-1.0, mask_ap=-1.0)))  # no objects to find
    assert row.splitlines()[1].split()[-3:] == ["–", "–", "12:34"]


def test_the_heading_comes_again():
    lines = written(*[("row", ROW)] * 60).splitlines()
    assert [i for i, line in enumerate(lines) if line.startswith("epoch")] == [0, 26, 52]


def test_a_short_validation_is_not_mentioned_in_a_file():
    assert written(("validating", 1, 60), ("validating", 60, 60)) == ""


def test_a_terminal_shows_a_bar_and_takes_it_away():
    text = written(("status", STATUS), ("validating", 3, 60), ("row", ROW), is_terminal=True)
    assert "starting" in text and "box AP" in text
    file = io.StringIO()
    with training_report(Console(file=file, force_terminal=True, width=80)) as report:
        report.status(STATUS)
        report._bar.refresh()
        shown = file.getvalue()
    for part in ("epoch 2/55", "40/120", "85.0 images/s", "ETA 1:02:03", "semantic 0.250  lr 0.001"):
        assert part in shown
    assert file.getvalue().endswith("\x1b[2K")  # the last line is erased


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.6, "1:00"), (754, "12:34"), (3600, "1:00:00"), (90_061, "25:01:01")],
)
def test_seconds_are_read_as_a_clock(seconds, text):
    assert clock(seconds) == text
