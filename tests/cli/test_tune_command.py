"""`yolact tune` as it is asked for; its trials are played."""

import re

import pytest

from tests.in_process import in_process
from yolact_tf.recipes import load_config

pytest.importorskip("optuna")


@pytest.fixture
def yolact(capsys, monkeypatch):
    return lambda *arguments: in_process(capsys, monkeypatch, *arguments)


@pytest.fixture
def played(monkeypatch):
    """Trials end with these mask APs, or fail with a text."""
    from yolact_tf.tune import search
    from yolact_tf.tune.trial_process import Outcome

    results = [0.25, "out of memory", 0.5]

    def train_apart(task, log, validated, at):
        result = results.pop(0)
        if isinstance(result, str):
            return Outcome(error=result)
        validated(0.5, result / 2)
        return Outcome(result)

    monkeypatch.setattr(search, "train_apart", train_apart)


def test_what_is_found_is_told_and_written(played, shapes_data, tmp_path, yolact):
    folder = tmp_path / "search"
    request = ("tune", "tiny_256", "--data", shapes_data, "--trials", 3, "--time", "3m", "--output", folder)
    code, out, err = yolact(*request)
    assert (code, err) == (0, "")
    lines = [re.sub(r"\(\d:\d\d\)", "(0:00)", line) for line in out.splitlines()]
    assert lines[:5] == [
        "trial 1/3: mask AP 0.125 after 50 % of its time",
        "trial 1/3: mask AP 0.250 (0:00); best 0.250, trial 1",
        "trial 2/3: failed: out of memory (0:00); best 0.250, trial 1",
        "trial 3/3: mask AP 0.250 after 50 % of its time",
        "trial 3/3: mask AP 0.500 (0:00); best 0.500, trial 3",
    ]
    assert re.search(r"^ +trial 3 +recipe *$", out, re.MULTILINE)
    assert re.search(r"^mask AP +0\.500 +0\.250 *$", out, re.MULTILINE)
    assert lines[-3:] == [
        f"recipe: {folder / 'best.py'}",
        f"run: {folder / 'trials' / '003'}",
        f"chart: {folder / 'search.png'}",
    ]
    assert load_config(folder / "best.py").name == "tiny_256_tuned"
    # Once more is another search, unless it goes on with this one.
    code, _, err = yolact(*request)
    assert code == 2 and "--output must be a new folder" in err
    code, out, _ = yolact(*request, "--resume")
    assert code == 0 and "trial 1/3" not in out and "mask AP" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--time", "3m", "--trials", 4), "--time must leave each trial 60 s: expected --time 240s"),
        (("--time", "30s", "--trials", 1), "even for one trial"),
        (("--time", "soon", "--trials", 1), "A duration must read like 30m"),
        (("--time", "3m"), "Missing option '--trials'"),
        (("--trials", 3), "Missing option '--time'"),
        (("--time", "3m", "--trials", 1, "--search", "train.rate=1..2"), "Nearest: train."),
        (("--time", "3m", "--trials", 1, "--resume"), "--resume expects a search in --output"),
        (("--time", "3m", "--trials", 1, "--set", "train.ema=x"), "train.ema"),
    ],
)
def test_a_wrong_request_is_one_line(change, message, shapes_data, tmp_path, monkeypatch, yolact):
    monkeypatch.chdir(tmp_path)
    code, _, err = yolact("tune", "tiny_256", "--data", shapes_data, *change)
    assert code == 2 and message in err and err.count("\n") == 1
    assert not any(tmp_path.iterdir())
