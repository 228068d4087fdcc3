"""The journal of a search: taken up where it was, and only by the same search."""

import dataclasses

import pytest

from yolact_tf.fields import override
from yolact_tf.tune import Budget
from yolact_tf.tune.space import parse_space, suggested
from yolact_tf.tune.study import JOURNAL, has_time, is_hopeless, next_trial, open_study, rows_of


def finished(study, subject, value):
    trial = next_trial(study)
    settings = suggested(trial, subject.space)
    trial.set_user_attr("settings", dict(text.split("=") for text in settings))
    study.tell(trial, value)
    return settings


def test_a_search_goes_on_with_what_it_knows(tmp_path, subject):
    study = open_study(tmp_path / "new" / "search", subject, resume=False)
    settings = finished(study, subject, 0.25)
    again = open_study(tmp_path / "new" / "search", subject, resume=True)
    (row,) = rows_of(again)
    assert (row.number, row.state, row.mask_ap, row.is_own) == (1, "good", 0.25, False)
    assert [f"{path}={text}" for path, text in row.settings.items()] == settings


def test_further_trials_are_others_than_those_before(tmp_path, subject):
    drawn = []
    for part in range(3):
        study = open_study(tmp_path, subject, resume=part > 0)
        drawn += [finished(study, subject, 0.1)[0] for _ in range(2)]
    assert len(set(drawn)) == 6


def test_an_interrupted_trial_comes_first_as_it_was(tmp_path, subject):
    study = open_study(tmp_path, subject, resume=False)
    finished(study, subject, 0.1)
    trial = next_trial(study)
    settings = suggested(trial, subject.space)
    trial.report(0.3, 2)
    again = open_study(tmp_path, subject, resume=True)
    taken = next_trial(again)
    assert (taken.number, suggested(taken, subject.space)) == (1, settings)
    again.tell(taken, 0.4)
    assert [row.mask_ap for row in rows_of(again)] == [0.1, 0.4]
    assert next_trial(again).number == 2


def test_a_line_that_a_kill_cut_is_left_out(tmp_path, subject, caplog):
    study = open_study(tmp_path, subject, resume=False)
    finished(study, subject, 0.25)
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole + b'{"op_code":5,"wor')
    again = open_study(tmp_path, subject, resume=True)
    assert "its last line is not finished" in caplog.text
    finished(again, subject, 0.5)
    assert [row.mask_ap for row in rows_of(open_study(tmp_path, subject, resume=True))] == [0.25, 0.5]


@pytest.mark.parametrize("content", [b"no json\n", b'{"a": 1}\n', b"[]\n"])
def test_another_file_is_no_journal(content, tmp_path, subject):
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(ValueError, match="expected the journal of a search"):
        open_study(tmp_path, subject, resume=True)


def test_a_folder_in_use_and_one_without_a_search_are_refused(tmp_path, subject):
    with pytest.raises(FileNotFoundError, match="--resume expects a search in --output"):
        open_study(tmp_path, subject, resume=True)
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ValueError, match="--output must be a new folder"):
        open_study(tmp_path, subject, resume=False)
    with pytest.raises(ValueError, match="--output must be a new folder"):
        open_study(tmp_path / "note.txt", subject, resume=False)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config", r"the recipe of the search. Received: train.batch_size 2, not 4"),
        ("space", r"to vary train.learning_rate \[0.0001, 0.01, True\].* Received: data.flip"),
        ("data", "the data of the search. Received others"),
        ("minutes", r"trials of 0\.5 minutes .* Received: 0\.7"),
    ],
)
def test_another_search_is_refused(name, message, tmp_path, subject):
    open_study(tmp_path, subject, resume=False)
    other = {
        "config": override(subject.config, ["train.batch_size=2"]),
        "space": parse_space(["data.flip=true/false"], subject.config),
        "data": "others",
        "minutes": 0.7,
    }[name]
    with pytest.raises(ValueError, match=f"--resume expects {message}"):
        open_study(tmp_path, dataclasses.replace(subject, **{name: other}), resume=True)


def test_a_trial_is_hopeless_where_most_others_were_better(tmp_path, subject):
    study = open_study(tmp_path, subject, resume=False)
    for value in (0.2, 0.4, 0.6):
        trial = study.ask()
        assert not is_hopeless(study, trial, 0.5, value)
        study.tell(trial, value)
    weak = study.ask()
    assert not is_hopeless(study, weak, 0.1, 0.0)  # too early to say
    assert is_hopeless(study, weak, 0.5, 0.39)
    assert not is_hopeless(study, weak, 0.52, 0.0)  # of one tenth the first counts
    assert not is_hopeless(study, weak, 1.0, 0.0)  # too late to save time
    assert not is_hopeless(study, study.ask(), 0.5, 0.41)


def test_time_is_left_while_a_trial_like_those_before_fits_in(tmp_path, subject):
    from optuna.trial import TrialState

    study = open_study(tmp_path, subject, resume=False)
    assert has_time(study, Budget(3, 1.0, 0.5))  # the first
    for seconds, state in ((40.0, "COMPLETE"), (60.0, "COMPLETE"), (5.0, "FAIL")):
        trial = study.ask()
        trial.set_user_attr("seconds", seconds)
        good = state == "COMPLETE"
        study.tell(trial, 0.1 if good else None, None if good else TrialState.FAIL)
    # 105 s are gone, and 50 s more are to be expected.
    assert has_time(study, Budget(4, 155.0, 0.5)) and not has_time(study, Budget(4, 154.0, 0.5))
    study.ask().set_user_attr("seconds", 45.0)  # and was interrupted
    assert has_time(study, Budget(4, 154.0, 0.5))
