"""The page of a report: complete, on its own, of one model or of several."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.browser import chromium
from tests.evaluate.scenes import CAT, LABELS, random_scene, record_of, result, split_of
from yolact_tf.evaluate.analysis import analyse
from yolact_tf.evaluate.report import require_report_folder, write_report

CHARTS = {"precision_recall", "f1", "errors", "calibration", "confusion"}
SECTIONS = ["Average precision", "Score thresholds", "Classes", "What costs AP50", "Confusion"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """(split, results) of a dozen random scenes on noise."""
    rng, folder = np.random.default_rng(4), tmp_path_factory.mktemp("images")
    records, results = [], []
    for image_id in range(1, 13):
        record, rows = random_scene(rng, image_id)
        path = folder / f"scene {image_id}.png"
        Image.fromarray(rng.integers(0, 99, (100, 100, 3), dtype=np.uint8)).save(path)
        records.append(replace(record, path=str(path)))
        results += rows
    return split_of(records), results


@pytest.fixture(scope="module")
def analyses(scenes):
    """Of a detector that was timed, and of half its detections with scores that say nothing."""
    data, results = scenes
    scores = np.random.default_rng(0).permutation([row["score"] for row in results]).tolist()
    worse = [{**row, "score": score} for row, score in zip(results, scores, strict=True)][::2]
    seconds = {"reading the image": [0.001, 0.003], "detecting": [0.02, 0.04]}
    return {"good": replace(analyse(data, results), seconds=seconds), "bad <b>": analyse(data, worse)}


@pytest.fixture(scope="module")
def report(analyses, scenes, tmp_path_factory):
    """The page of one model."""
    return write_report(tmp_path_factory.mktemp("one") / "new" / "report", scenes[0], one(analyses))


@pytest.fixture(scope="module")
def comparison(analyses, scenes, tmp_path_factory):
    """The page of two."""
    return write_report(tmp_path_factory.mktemp("two"), scenes[0], analyses)


def one(analyses):
    return {"good": analyses["good"]}


def pictures(page):
    return re.findall(r'alt="(\w+)" src="data:image/png;base64,[\w+/=]{500,}"', page.read_text())


def titles(page):
    return re.findall("<h2>(.*?)</h2>", page.read_text())


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_page_stands_alone_with_its_pictures_beside_it(name, request):
    path = request.getfixturevalue(name)
    page = path.read_text()
    assert "{{" not in page and "<script" not in page and "nan" not in re.sub('base64,[^"]+', "", page)
    assert set(re.findall(r'(?:src|href)="([^"]{5})', page)) == {"data:"}
    assert sorted(pictures(path)) == sorted(file.stem for file in path.parent.glob("*.png"))
    names = {file.name for file in path.parent.iterdir() if file.suffix != ".png"}
    assert names == {"index.html", "report.json"}


def test_the_page_of_one_model_shows_all(report, analyses):
    assert set(pictures(report)) == {*CHARTS, "worst", "best"}
    assert titles(report)[: len(SECTIONS)] == SECTIONS
    assert titles(report)[len(SECTIONS)] == "Calibration of scores" and titles(report)[-1] == "Speed"
    page, analysis = report.read_text(), analyses["good"]
    for explained in ("AP: ", "AR1, AR10, AR100: ", "s, m, l: ", "Boundaries: ", "Quality: "):
        assert explained in page
    for coco in (analysis.boxes.coco, analysis.masks.coco, analysis.boundary):
        assert f"<td>{coco.stats['AP75']:.3f}</td>" in page
    for name in LABELS.values():
        assert f"<td>{name}</td>" in page
    best = analysis.masks.best
    assert f"<td>{best.threshold:.3f}</td><td>{best.precision:.3f}</td><td>{best.recall:.3f}</td>" in page
    # Medians of .02 and .04 s, and so on.
    assert "<td>detecting</td><td>30.0</td><td>39.0</td><td>30.0</td>" in page


def test_the_page_of_several_sets_them_side_by_side(comparison, analyses):
    assert set(pictures(comparison)) == {*CHARTS - {"confusion"}, "confusion_1", "confusion_2", "differences"}
    page = comparison.read_text()
    assert "Confusion, bad &lt;b&gt;" in titles(comparison) and "bad <b>" not in page
    for analysis in analyses.values():
        assert f"<b>{analysis.masks.coco.stats['AP']:.3f}</b>" in page
    cells = re.search(r"<tr><td>cat</td><td>\d+</td>(.*?)</tr>", page)[1]
    assert cells.count("<td>") == 4 and 1 <= cells.count("<b>") <= 2


def test_the_numbers_are_there_for_programs(report, analyses):
    numbers = json.loads((report.parent / "report.json").read_text())["good"]
    analysis = analyses["good"]
    assert {key: numbers[key] for key in analysis.metrics} == analysis.metrics
    assert numbers["boundary"] == analysis.boundary.stats
    assert numbers["thresholds"] == analysis.thresholds
    assert numbers["errors"]["segm"]["gains"] == analysis.masks.errors.gains
    assert numbers["by_class"]["cat"]["bbox"]["small"] == analysis.boxes.coco.average(0, "small")
    assert numbers["best_f1"]["bbox"]["f1"] == analysis.boxes.best.f1
    assert np.array_equal(numbers["confusion"]["counts"], analysis.confusion)
    assert numbers["seconds"] == {"reading the image": 0.002, "detecting": 0.03}


def test_pictures_show_the_truth_beside_what_was_found(report):
    sheet = np.asarray(Image.open(report.parent / "worst.png"))
    # Two panels of 420 pixels, six between them; four rows of 420 under a line of 28.
    assert sheet.shape == (4 * 448 + 3 * 6, 2 * 420 + 6, 3)


@pytest.mark.whole
@pytest.mark.parametrize("rows", [[], [result(1, CAT, (10, 10, 20, 20), 0.9)]])
@pytest.mark.parametrize("objects", [[], [(CAT, 10, 10, 20, 20)]])
def test_a_report_of_next_to_nothing_is_one(rows, objects, tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (100, 100)).save(path)
    data = split_of([record_of(1, objects, path=str(path))])
    page = write_report(tmp_path / "report", data, {"model": analyse(data, rows)})
    has_errors, is_found = bool(rows) != bool(objects), bool(rows and objects)
    expected = CHARTS | ({"worst"} if has_errors else set()) | ({"best"} if is_found else set())
    assert set(pictures(page)) == expected


@pytest.mark.whole
def test_a_report_is_written_again_and_nothing_else_is_overwritten(scenes, analyses, tmp_path):
    data, _ = scenes
    write_report(tmp_path / "report", data, analyses)
    page = write_report(tmp_path / "report", data, one(analyses))
    assert sorted(pictures(page)) == sorted(file.stem for file in page.parent.glob("*.png"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("mine")
    with pytest.raises(ValueError, match="--report must be a new or an empty folder, or one of an earlier"):
        write_report(tmp_path / "mine", data, one(analyses))
    assert (tmp_path / "mine" / "index.html").read_text() == "mine"
    with pytest.raises(ValueError, match="Expected a file that can be written. Received: .*Not a directory"):
        require_report_folder(tmp_path / "mine" / "index.html" / "report")


@pytest.mark.whole
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_phone_need_not_scroll_sideways(name, request):
    asked = []
    with chromium() as browser:
        for width in (390, 1280):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.on("request", lambda request: asked.append(request.url))
            page.goto(request.getfixturevalue(name).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") == width
            widths = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
            assert len(widths) >= 7 and min(widths) > 300
    assert all(url.startswith(("file:", "data:")) for url in asked)
