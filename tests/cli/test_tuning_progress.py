"""What a person sees of a search."""

import io

import pytest
from rich.console import Console

from yolact_tf.cli.tuning_progress import tuning_report
from yolact_tf.tune.trials import FAILED, GOOD, STOPPED, TrialRow


@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_line_a_trial_and_the_best_by_now(is_terminal):
    out = io.StringIO()
    best = TrialRow(1, GOOD, 0.5, {}, True)
    rows = [best, TrialRow(2, STOPPED, 0.1, {}, False), TrialRow(3, FAILED, -1.0, {}, False, "no [memory]")]
    with tuning_report(Console(file=out, force_terminal=is_terminal, highlight=False)) as report:
        for row in rows:
            report.begins(row.number, 3)
            report.at(0.2)
            report.at(0.5, 0.25)
            report.ended(row, best)
    told = out.getvalue()
    # On a terminal the bar has it.
    assert told.count("mask AP 0.250 after 50 % of its time") == (0 if is_terminal else 3)
    assert "trial 2/3: stopped at mask AP 0.100 (0:00); best 0.500, trial 1" in told
    assert "trial 3/3: failed: no [memory] (0:00)" in told
    assert ("\x1b" in told) == is_terminal
