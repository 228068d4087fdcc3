"""The course of a search: what is tried, told, kept and written. Trainings are played but for one test."""

import shutil

import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_folder
from yolact_tf.config import Config
from yolact_tf.fields import override
from yolact_tf.recipes import load_config
from yolact_tf.runs import config_of, load_run
from yolact_tf.tune import Budget, parse_space, search, tune
from yolact_tf.tune.trial_process import Outcome

SPACE = ("train.learning_rate=1e-4..1e-2", "loss.class_loss=ohem/focal")
FOUR = Budget(trials=4, seconds=1000.0, minutes=0.5)


@pytest.fixture
def config(small_settings):
    return load_config("tiny_256", small_settings)


@pytest.fixture
def space(config):
    return parse_space(SPACE, config)


@pytest.fixture
def play(monkeypatch):
    """play(outcomes) has the trials end so, an exception raised; returns the list of Tasks that it fills."""

    def play(*outcomes):
        tasks, outcomes = [], list(outcomes)

        def train_apart(task, log, validated, at):
            tasks.append(task)
            outcome = outcomes.pop(0)
            (task.run / "weights").mkdir(parents=True)
            (task.run / "config.json").write_text(task.config)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome if isinstance(outcome, Outcome) else Outcome(outcome)

        monkeypatch.setattr(search, "train_apart", train_apart)
        monkeypatch.setattr(search, "draw_search", lambda *arguments: None)  # which takes a second
        return tasks

    return play


class Told:
    """A Report that keeps what it is told."""

    def __init__(self):
        self.begun, self.rows = [], []

    def begins(self, number, trials):
        self.begun.append((number, trials))

    def at(self, share, mask_ap=None):
        pass

    def ended(self, row, best):
        self.rows.append((row.state, best and best.number))


def test_the_best_trial_becomes_a_recipe(config, space, shapes_data, tmp_path, play):
    tasks, told = play(0.2, 0.5, Outcome(error="out of memory"), Outcome(is_pruned=True)), Told()
    found = tune(config, shapes_data, tmp_path / "out", FOUR, space, report=told)
    assert told.begun == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told.rows == [("good", 1), ("good", 2), ("failed", 2), ("stopped", 2)]
    assert (found.best.number, found.best.mask_ap) == (2, 0.5)
    assert found.rows[2].error == "out of memory"
    # The first is the recipe as it is, but for what the search decides.
    first = Config.from_json(tasks[0].config)
    assert first == override(config, ["train.minutes=0.5", "train.validate_every=2"])
    # The recipe is that of the best trial, for a training of any length.
    best = override(load_config(found.recipe), [f"name={config.name}"])
    trained = override(
        config_of(found.run), ["train.minutes=0", f"train.validate_every={config.train.validate_every}"]
    )
    assert best == trained != config
    text = found.recipe.read_text()
    assert "mask AP 0.500, 0.200 as it was" in text and "# was 0.002" in text
    kept = [(tmp_path / "out" / "trials" / f"00{number}" / "weights").is_dir() for number in (1, 2, 3, 4)]
    assert kept == [False, True, False, False]


def test_what_is_stopped_goes_on(config, space, shapes_data, tmp_path, play):
    play(0.2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        tune(config, shapes_data, tmp_path, FOUR, space)
    assert (tmp_path / "best.py").is_file()
    shutil.rmtree(tmp_path / "trials" / "002" / "weights")
    tasks = play(0.3, 0.4, 0.1)
    more = Budget(4, 4000.0, FOUR.minutes)
    found = tune(config, shapes_data, tmp_path, more, space, resume=True)
    assert [task.resume for task in tasks] == [True, False, False]
    assert [task.run.name for task in tasks] == ["002", "003", "004"]
    assert tasks[0].config == (tmp_path / "trials" / "002" / "config.json").read_text()
    assert [row.mask_ap for row in found.rows] == [0.2, 0.3, 0.4, 0.1]
    assert [row.is_own for row in found.rows] == [True, False, False, False]
    # All is done; nothing is trained to say so, and what is lost is written again.
    (tmp_path / "best.py").unlink()
    assert tune(config, shapes_data, tmp_path, more, space, resume=True).rows == found.rows
    assert (tmp_path / "best.py").is_file()


def test_a_search_that_finds_nothing_says_why(config, space, shapes_data, tmp_path, play):
    play(*[Outcome(error=f"error {number}") for number in range(4)])
    with pytest.raises(ArithmeticError, match="none of 4 trials ended well. The first: error 0; its log is "):
        tune(config, shapes_data, tmp_path, FOUR, space)
    assert not (tmp_path / "best.py").exists()


def test_a_wrong_request_ends_the_search_at_once(config, space, shapes_data, tmp_path, play):
    tasks = play(Outcome(error="no such backbone", is_wrong_request=True))
    with pytest.raises(ValueError, match="^no such backbone$"):
        tune(config, shapes_data, tmp_path / "out", FOUR, space)
    assert len(tasks) == 1 and not any(tmp_path.iterdir())
    # Later it is but a trial that failed: what others did can be asked for.
    play(0.1, Outcome(error="too large", is_wrong_request=True), 0.2, 0.3)
    rows = tune(config, shapes_data, tmp_path / "out", FOUR, space).rows
    assert [row.state for row in rows] == ["good", "failed", "good", "good"]


def test_fields_that_do_not_go_together_are_a_failed_trial(config, shapes_data, tmp_path, play):
    space = parse_space(["loss.negative_iou=0.4/0.49", "loss.positive_iou=0.41..0.6"], config)
    tasks = play(0.1, 0.2, 0.3, 0.4)
    rows = tune(config, shapes_data, tmp_path, FOUR, space).rows
    failed = [row for row in rows if row.state == "failed"]
    assert len(tasks) + len(failed) == 4
    for row in rows:
        settings = {path: float(text) for path, text in row.settings.items()}
        is_wrong = settings["loss.negative_iou"] > settings["loss.positive_iou"]
        assert (row.state == "failed") == is_wrong and ("loss.negative_iou" in row.error) == is_wrong


def test_without_objects_to_validate_on_nothing_can_be_told_apart(config, space, tmp_path, play):
    write_folder(tmp_path / "data", {"a.png": (64, 64)}, [rectangle(1, 8, 8, 20, 20)])
    write_folder(tmp_path / "data", {"a.png": (64, 64)}, splits=["val"])
    play()
    with pytest.raises(ValueError, match="expected objects in the validation images"):
        tune(config, tmp_path / "data", tmp_path / "out", FOUR, space)
    (tmp_path / "data" / "val.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected a validation split, such as val\.json"):
        tune(config, tmp_path / "data", tmp_path / "out", FOUR, space)
    assert not (tmp_path / "out").exists()


@pytest.mark.whole
def test_trials_train(config, space, shapes_data, tmp_path):
    """Two trainings of three seconds, in processes of their own, and what one of them leaves is a run."""
    settings = override(config, ["data.image_size=64", "train.images_per_epoch=8"])
    found = tune(settings, shapes_data, tmp_path, Budget(2, 3600.0, 0.05), space)
    assert [row.state for row in found.rows] == ["good", "good"]
    assert load_run(found.run).config.train.minutes == 0.05
    assert (tmp_path / "trials" / "001.log").is_file()
    with Image.open(found.chart) as chart:
        assert chart.width > 1000
    assert {row.mask_ap >= 0 for row in found.rows} == {True}
