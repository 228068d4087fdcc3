"""Time divided among trials."""

import pytest

from yolact_tf.tune import Budget, budget


def test_shares_worked_by_hand():
    # 12 trials in an hour have 300 s each, of which a tenth goes to what is not training.
    assert budget(12, 60) == Budget(12, 3600, 4.5)
    # Of 60 s, 20 s at least: TensorFlow has to start.
    assert budget(2, 2) == Budget(2, 120, round(40 / 60, 4))


def test_as_many_more_trials_in_as_much_more_time_train_as_long():
    assert budget(12, 60).minutes == budget(24, 120).minutes


@pytest.mark.parametrize(
    ("trials", "minutes", "expected"),
    [(10, 2, "expected --time 600s, or --trials 2 at most"), (1, 0.5, "even for one trial")],
)
def test_too_little_time_says_what_would_do(trials, minutes, expected):
    with pytest.raises(ValueError, match=expected):
        budget(trials, minutes)
