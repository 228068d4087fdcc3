"""The page of a run: complete, on its own, and legible on a phone."""

import json
import re
import shutil

import pytest

from tests.browser import chromium
from yolact_tf.recipes import load_config
from yolact_tf.runs import describe_run
from yolact_tf.train.watch.summary import write_summary


@pytest.fixture(scope="module")
def page(shapes_run):
    return (shapes_run / "summary.html").read_text(encoding="utf-8")


@pytest.fixture
def copy(shapes_run, tmp_path):
    """What a page is made of, without the page."""
    folder = tmp_path / shapes_run.name
    shutil.copytree(shapes_run, folder, ignore=shutil.ignore_patterns("weights", "tensorboard", "*.html"))
    return folder


def test_a_training_leaves_a_page_that_stands_alone(page, shapes_run):
    assert "{{" not in page and "<script" not in page
    assert set(re.findall(r'(?:src|href)="([^"]{5})', page)) == {"data:"}
    assert "@import" not in page and "url(" not in page
    pictures = re.findall(r'alt="(\w+)" src="data:image/(?:png|jpeg);base64,[\w+/=]{500,}"', page)
    assert set(pictures) == {path.stem for path in (shapes_run / "plots").iterdir()}


def test_the_page_tells_what_the_files_say(page, shapes_run):
    metrics = json.loads((shapes_run / "metrics.json").read_text())
    for kind in ("bbox", "segm"):
        assert f"<td>{metrics[kind]['AP50']:.3f}</td>" in page
    assert "<b>2 / 2</b>epochs" in page
    for name in metrics["per_class"]:
        assert f"<td>{name}</td>" in page
    assert "<td>training</td><td>24</td>" in page
    assert "<td>train.validate_every</td><td>2</td><td>1</td>" in page
    assert "train.batch_size" not in page  # as the recipe has it
    assert re.search(r"yolact train tiny_256 --data \S+ --run \S+ --resume\n", page)


def test_the_page_can_be_made_again(shapes_run, copy):
    write_summary(copy)
    rebuilt = (copy / "summary.html").read_text(encoding="utf-8")
    assert rebuilt.replace(str(copy), str(shapes_run)) == (shapes_run / "summary.html").read_text()


def test_what_was_counted_of_shards_is_said(copy):
    data = json.loads((copy / "data.json").read_text())
    data["train"]["of"] = 100
    (copy / "data.json").write_text(json.dumps(data))
    write_summary(copy)
    assert "<td>training</td><td>the first 24 of 100</td>" in (copy / "summary.html").read_text()


def test_a_run_that_has_only_begun_has_a_page(tmp_path):
    describe_run(tmp_path, load_config("tiny_256"), {1: "thing"})
    write_summary(tmp_path)
    page = (tmp_path / "summary.html").read_text()
    assert "<b>0 / 16</b>epochs" in page and "Average precision" not in page
    assert "Those of the recipe tiny_256." in page


def test_names_are_text_and_not_markup(shapes_run, tmp_path):
    config = load_config("tiny_256", ["name=<i>own</i>"])
    describe_run(tmp_path, config, {1: "<b>"})
    metrics = json.loads((shapes_run / "metrics.json").read_text())
    metrics["per_class"] = {"<b>nut</b>": {"bbox": -1.0, "segm": 0.5}}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    write_summary(tmp_path)
    page = (tmp_path / "summary.html").read_text()
    assert "<td>&lt;b&gt;nut&lt;/b&gt;</td><td>–</td><td>–</td><td>0.500</td>" in page
    assert "<i>own" not in page and "the defaults" in page


def test_a_phone_need_not_scroll_sideways(shapes_run):
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto((shapes_run / "summary.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        widths = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
        assert len(widths) > 5 and min(widths) > 100
        colours = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert colours == ["rgb(246, 247, 248)", "rgb(20, 24, 29)"]
