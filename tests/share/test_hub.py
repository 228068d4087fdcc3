"""Runs that are pushed to a server and pulled from it."""

import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import yolact_tf
from tests.share.conftest import LABELS
from yolact_tf.share import AuthorFacts, card_text, pull, push


def files_in(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def detections(run):
    image = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    return yolact_tf.Detector(yolact_tf.load_run(run))(image)


@pytest.mark.whole
def test_what_is_pulled_detects_what_was_pushed(hub, run, tmp_path, caplog):
    pushed = push(run, "ann/deer")
    assert pushed.url == f"{hub.url}/ann/deer"
    assert "3 lines of the card still ask for what only its author knows" in caplog.text
    target = tmp_path / "new" / "pulled"
    assert pull("ann/deer", target) == target
    assert files_in(target) == set(pushed.files) and list(target.parent.iterdir()) == [target]
    card = (target / "README.md").read_text()
    assert "yolact pull ann/deer --run deer" in card and "license" not in card.split("---")[1]
    assert not [name for name in pushed.files if name.startswith("plots/")]
    ours, theirs = detections(run), detections(target)
    assert len(ours) > 0
    for name in ("boxes", "scores", "class_ids", "masks"):
        assert_array_equal(getattr(theirs, name), getattr(ours, name))
    assert yolact_tf.load_run(target).labels == LABELS


def test_a_card_of_the_author_is_pushed_as_it_is(hub, run, caplog):
    card = re.sub("> .*To be said by.*", "Said.", card_text(run, AuthorFacts("mit")))
    card += "\n![My own](plots/labels.png)\n"
    (run / "README.md").write_text(card)
    pushed = push(run, "ann/deer", message="Deer by night")
    repository = hub.repositories["ann/deer"]
    assert set(pushed.files) == set(repository.files()) - {".gitattributes"}
    assert "plots/labels.png" in pushed.files
    assert repository.files()["README.md"].decode() == card and repository.messages[-1] == "Deer by night"
    assert not caplog.records
    with pytest.raises(
        ValueError, match="--license and --data-name are for a card that is written. Received:"
    ):
        push(run, "ann/deer", author=AuthorFacts("mit"))
    (run / "weights" / "best.weights.h5").rename(run / "weights" / "last.weights.h5")
    (run / "thresholds.json").unlink()
    uploads = list(hub.uploads)
    push(run, "ann/deer")
    assert hub.uploads == uploads  # the same weights, by another name
    names = set(repository.files())
    assert "weights/last.weights.h5" in names
    assert not {"weights/best.weights.h5", "thresholds.json"} & names


def test_a_card_with_other_results_than_the_run_is_told_of(hub, run, caplog):
    (run / "README.md").write_text(card_text(run).replace("value: 0.4568", "value: 0.9"))
    push(run, "ann/deer")
    assert "README.md tells other results than metrics.json" in caplog.text


def test_what_is_no_run_is_not_pushed(hub, run, tmp_path, monkeypatch):
    (run / "README.md").write_text("# Deer")
    with pytest.raises(FileNotFoundError, match="Expected a run folder, with config.json. Received"):
        push(tmp_path, "ann/deer")
    (run / "weights" / "best.weights.h5").write_bytes(b"none")
    with pytest.raises(ValueError, match="best.weights.h5: expected weights of"):
        push(run, "ann/deer")
    (run / "weights" / "best.weights.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected weights/best.weights.h5 or weights/last"):
        push(run, "ann/deer")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ValueError, match="Expected a token of the hub that may write"):
        push(run, "ann/deer")
    assert not hub.repositories


def test_of_a_repository_only_a_run_is_taken(hub, packed, tmp_path):
    extra = {"evil.py": b"raise SystemExit", "weights/last.weights.h5": b"old", "plots/more.png": b"large"}
    hub.add("ann/deer", {**packed, **extra})
    (tmp_path / "empty").mkdir()
    assert files_in(pull("ann/deer", tmp_path / "empty")) == set(packed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"config.json": None},
            "ann/deer: expected a run: config.json, labels.json, and weights/best.* or .*last",
        ),
        (
            {"weights/best.weights.h5": None},
            "ann/deer: expected a run: config.json, labels.json, and weights/b",
        ),
        (
            {"config.json": b'{"architectures": []}'},
            "ann/deer: expected a run of yolact_tf. Received: Config has",
        ),
        ({"config.json": b"[" * 50000}, "ann/deer: expected a run of yolact_tf. Received: "),
        (
            {"labels.json": b"[]"},
            "ann/deer: expected a run of yolact_tf. Received: labels.json: expected categ",
        ),
        (
            {"weights/best.weights.h5": b"version https://git-lfs.github.com/spec/v1"},
            "ann/deer: expected a run that loads. Received: weights/best.weights.h5: expected weights of",
        ),
    ],
)
def test_what_is_no_run_is_one_line_and_no_folder(change, message, hub, packed, tmp_path):
    files = {name: content for name, content in {**packed, **change}.items() if content is not None}
    hub.add("ann/deer", files)
    with pytest.raises(ValueError, match=message) as refused:
        pull("ann/deer", tmp_path / "new" / "pulled")
    assert "\n" not in str(refused.value) and str(tmp_path) not in str(refused.value)
    assert not list((tmp_path / "new").iterdir())


def test_a_pull_that_ends_early_leaves_nothing(hub, packed, tmp_path):
    hub.add("ann/deer", packed)
    hub.refuse = {"GET .*weights.*": 410}
    with pytest.raises(OSError, match="answers 410: refused"):
        pull("ann/deer", tmp_path / "new" / "pulled")
    assert not list((tmp_path / "new").iterdir())


def test_a_folder_that_is_there_is_left_alone(hub, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for taken in (tmp_path, tmp_path / "notes.txt"):
        expected = f"--run must be a new folder. Received: {str(taken)!r}, which exists"
        with pytest.raises(ValueError, match=re.escape(expected)):
            pull("ann/deer", taken)
    assert files_in(tmp_path) == {"notes.txt"}
