"""The picture of a search has a panel for its course and one for each field."""

import pytest
from PIL import Image

from yolact_tf.recipes import load_config
from yolact_tf.tune import chart
from yolact_tf.tune.space import default_space, text_of, value_at
from yolact_tf.tune.trials import FAILED, GOOD, STOPPED, TrialRow

CONFIG = load_config("tiny_256")
SPACE = default_space(CONFIG)
OWN = {path: value_at(CONFIG, path) for path in SPACE}
SETTINGS = {path: text_of(value) for path, value in OWN.items()}


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved."""
    kept, save = [], chart.save_chart
    monkeypatch.setattr(chart, "save_chart", lambda figure, path: (kept.append(figure), save(figure, path)))
    return kept


def test_each_state_has_its_mark_and_each_field_its_panel(tmp_path, figures):
    rows = [
        TrialRow(1, GOOD, 0.3, SETTINGS, True),
        TrialRow(2, STOPPED, 0.1, {**SETTINGS, "loss.class_loss": "focal"}, False),
        TrialRow(3, FAILED, -1.0, {**SETTINGS, "train.learning_rate": "0.004"}, False),
        TrialRow(4, GOOD, 0.5, {**SETTINGS, "data.expand": "2.5"}, False),
    ]
    chart.draw_search(rows, SPACE, OWN, tmp_path / "search.png")
    (figure,) = figures
    history, *fields = figure.axes
    assert [text.get_text() for text in history.get_legend().get_texts()] == [
        *("trained to the end", "stopped early", "failed", "best", "best so far", "the recipe as it is")
    ]
    (best, own) = history.get_lines()
    assert best.get_ydata().tolist() == [0.3, 0.3, 0.3, 0.5] and set(own.get_ydata()) == {0.3}
    assert [axis.get_title() for axis in fields] == list(SPACE)
    with Image.open(tmp_path / "search.png") as picture:
        assert picture.format == "PNG"


def test_it_can_be_drawn_of_failures_alone(tmp_path, figures):
    chart.draw_search([TrialRow(1, FAILED, -1.0, {}, True)], SPACE, OWN, tmp_path / "search.png")
    assert (tmp_path / "search.png").is_file()
