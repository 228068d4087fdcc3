"""What a card says, of what is known and of what is not."""

import json
import re
import shlex
import shutil

import pytest
import yaml

import yolact_tf
from tests.in_process import in_process
from tests.share.conftest import DATA, LABELS, METRICS
from yolact_tf.config import ModelConfig
from yolact_tf.share import AuthorFacts, card_text, num_asked, write_card
from yolact_tf.share.card import escaped
from yolact_tf.share.citation import bibtex, is_plus
from yolact_tf.share.facts import read_scores
from yolact_tf.share.front_matter import scores_in, told_scores

ASKED = "> **To be said by the author:**"


def front(card):
    return yaml.safe_load(card.split("---\n")[1])


def row(card, first):
    """Cells of the row of a table that begins so."""
    (line,) = re.findall(rf"^\| {re.escape(first)} \| (.*) \|$", card, re.MULTILINE)
    return line.split(" | ")


def sections(card):
    return re.findall("^## (.*)$", card, re.MULTILINE)


def test_what_the_run_knows(run):
    author = AuthorFacts("cc-by-4.0", "ann/night-deer", "Deer by night")
    card = card_text(run, author)
    assert "# night\\-deer" not in card and "# night-deer\n" in card
    assert row(card, "training") == ["9000, of which 5000 are counted", "7000"]
    assert row(card, "validation") == ["57", "69"]
    assert row(card, "epochs")[0].startswith("2") and row(card, "recipe")[0].startswith("`tiny_256`")
    assert row(card, "backbone at the start") == ["random weights, where no `--weights` gave others"]
    assert row(card, "masks") == ["0.457", "0.700", "–", "–", "0.400", "0.600"]
    assert row(card, "boxes") == ["0.500", "0.750", "0.250", "–", "0.500", "0.625"]
    assert "on 57 images" in card and "Deer by night" in card
    # Objects to learn from and to validate on, box and mask AP, threshold.
    assert row(card, "deer") == ["4000", "40", "0.500", "0.400", "0.41"]
    assert row(card, "a \\| b") == ["3000", "29", "0.600", "0.512", "0.30"]
    assert row(card, "\\<i\\>otter\\</i\\>") == ["0", "–", "–", "–", "0.30"]
    assert "The weights: cc-by-4.0." in card and "yolact pull ann/night-deer --run night-deer" in card
    assert "![Ground truth beside detections, on validation images](plots/val_batch0.jpg)" in card
    assert "plots/val_batch0.jpg" not in card_text(run, author, pictures=False)
    assert DATA["folder"] not in card and str(run) not in card and "/data/" not in card
    assert num_asked(card) == card.count(ASKED) == 2  # where images come from, what the model is for


def test_what_the_run_does_not_know_is_asked_or_left_out(bare_run):
    card = card_text(bare_run)
    assert sections(card) == [
        "What it learned from",
        "Training",
        "How to use it",
        "Limits",
        "Licence",
        "Citation",
    ]
    for what in (
        "where the images come from",
        "how these weights were trained",
        "what it is meant for",
        "the l",
    ):
        assert f"{ASKED} {what}" in card
    assert (
        "The run holds no results" in card
        and "plots/" not in card
        and "that `deer-1`, where this card" in card
    )
    content = front(card)
    assert "license" not in content and "model-index" not in content


def test_the_front_matter_is_what_the_hub_reads(run):
    content = front(card_text(run, AuthorFacts("mit", "ann/deer")))
    assert content["license"] == "mit" and content["pipeline_tag"] == "image-segmentation"
    assert content["library_name"] == "yolact_tf"
    (model,) = content["model-index"]
    (result,) = model["results"]
    assert model["name"] == "deer" and result["dataset"]["name"] == "57 images of the last evaluation"
    values = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert values == {
        "mask AP": 0.4568,
        "mask AP50": 0.7,
        "box AP": 0.5,
        "box AP50": 0.75,
        "box AP75": 0.25,
    }


def test_the_hubs_own_client_reads_it(run):
    """It takes any task, data and metric that has a type and a name."""
    cards = pytest.importorskip("huggingface_hub.repocard")
    data = cards.ModelCard(card_text(run, AuthorFacts("mit", "ann/deer", "Deer: by night"))).data
    assert data.license == "mit" and data.model_name == "deer"
    assert {result.dataset_name for result in data.eval_results} == {"Deer: by night"}
    assert ("mask_ap", 0.4568) in [(result.metric_type, result.metric_value) for result in data.eval_results]


def test_scores_of_a_card_are_found_again(run):
    told = told_scores(read_scores(run))
    assert len(told) == 5 and scores_in(card_text(run)) == told


@pytest.mark.parametrize(
    "text",
    ["", "# Deer", "---\n", "---\n[\n---\n", "---\nlicense: mit\n---\n", "---\nmodel-index: 3\n---\n"],
)
def test_other_cards_tell_no_scores(text):
    assert scores_in(text) == {}


def test_speeds_of_a_benchmark(run):
    model = {"kind": "run", "precision": "float32", "device": "CPU", "threads": 2, "name": "/data/ann/run"}
    report = {
        "machine": {"processor": "A_1", "cores": 4},
        "models": [model | {"milliseconds": {"p50": 12.345, "p90": 20.0, "p99": 30.0}}],
    }
    (run / "benchmark.json").write_text(json.dumps(report))
    card = card_text(run)
    assert row(card, "run, float32, CPU, 2 threads") == ["12.3", "20.0"]
    assert "on A\\_1, 4 cores." in card and "/data/" not in card


def test_folders_of_any_name_are_quoted(bare_run, tmp_path):
    card = card_text(shutil.copytree(bare_run, tmp_path / "my 'deer'"))
    assert "# my 'deer'\n" in card and """load_run("my 'deer'")""" in card
    command = re.search("^yolact detect .*$", card, re.MULTILINE)[0]
    assert shlex.split(command)[2] == "my 'deer'"


def test_weights_of_another_run_are_told_without_their_path(run):
    config = json.loads((run / "config.json").read_text())
    config["model"]["backbone_weights"] = "/data/ann/other"
    config["train"]["minutes"] = 20
    (run / "config.json").write_text(json.dumps(config))
    card = card_text(run)
    assert row(card, "backbone at the start")[0].startswith("that of another run or of a weight file")
    assert row(card, "epochs")[0].endswith("planned: 20 minutes") and "/data/" not in card


@pytest.mark.whole
def test_a_preset_of_keras_hub_is_told_without_its_path(run, hub_preset):
    config = json.loads((run / "config.json").read_text())
    config["model"] |= {"backbone": f"keras_hub:{hub_preset}", "backbone_weights": "imagenet"}
    (run / "config.json").write_text(json.dumps(config))
    card = card_text(run)
    assert row(card, "network")[0].endswith("backbone of a preset of KerasHub, in a folder")
    assert row(card, "backbone at the start")[0].startswith("those of KerasHub's preset")
    assert "those of KerasHub's preset, which tells their licence" in card and str(hub_preset) not in card


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", "{}", "metrics.json: expected what `yolact evaluate` writes. Received: '{}'"),
        ("metrics.json", "[" * 50000, "metrics.json: expected what `yolact evaluate` writes. Received"),
        ("data.json", '{"train": []}', "data.json: expected what `yolact train` says of its data"),
        ("benchmark.json", "7", "benchmark.json: expected what `yolact benchmark` writes. Received: '7'"),
        ("thresholds.json", "[]", "thresholds.json: expected "),
        ("labels.json", "[]", "labels.json: expected category ids and their names"),
    ],
)
def test_damaged_files_are_named(name, content, message, run):
    (run / name).write_text(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        card_text(run)


def test_papers_are_those_of_the_network(bare_run):
    assert re.findall("^@.*$", card_text(bare_run), re.MULTILINE) == ["@inproceedings{bolya2019yolact,"]
    for plus in (ModelConfig(mask_rescoring=True), ModelConfig(backbone="resnet50_deformable")):
        assert is_plus(plus) and len(bibtex(plus)) == 2
    for entry in bibtex(plus):
        assert entry.count("{") == entry.count("}") == 6


def test_any_text_is_shown_as_it_is():
    assert escaped("a|b\n*c* <i>`d`</i> [e](f) #1 \\") == (
        "a\\|b \\*c\\* \\<i\\>\\`d\\`\\</i\\> \\[e\\](f) \\#1 \\\\"
    )
    assert escaped("náïve 名前") == "náïve 名前"


def test_a_card_that_is_there_is_kept(run, tmp_path):
    path = write_card(run)
    assert path == run / "README.md" and "plots/val_batch0.jpg" in path.read_text()
    path.write_text("mine")
    with pytest.raises(ValueError, match="Expected no file there, or --overwrite. Received: .*README.md'"):
        write_card(run)
    assert path.read_text() == "mine"
    assert write_card(run, overwrite=True).read_text().startswith("---\n")
    elsewhere = write_card(run, tmp_path / "cards" / "deer.md")
    assert "plots/" not in elsewhere.read_text()  # which do not lie beside it


@pytest.mark.parametrize("name", ["Apache 2.0", "", "-mit", "mit\nevil: true", "MIT"])
def test_other_licences_are_refused(name):
    with pytest.raises(ValueError, match="A licence must be named as the hub names it, such as apache-2.0"):
        AuthorFacts(name)


@pytest.mark.whole
def test_its_commands_and_its_script_run(hub, run, tmp_path, capsys, monkeypatch):
    from PIL import Image

    code, out, err = in_process(capsys, monkeypatch, "push", run, "ann/deer", "--license", "mit")
    assert code == 0, err
    assert "weights/best.weights.h5" in out and out.splitlines()[-1] == f"{hub.url}/ann/deer"
    card = hub.repositories["ann/deer"].files()["README.md"].decode()
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    Image.new("RGB", (90, 60), (200, 30, 30)).save("photo.jpg")
    commands = [
        line for block in re.findall(r"```sh\n(.*?)```", card, re.DOTALL) for line in block.splitlines()
    ]
    assert commands[0] == "pip install 'yolact_tf[huggingface]'"
    for command in commands[1:]:
        name, *arguments = command.split()
        code, _, err = in_process(capsys, monkeypatch, *arguments)
        assert name == "yolact" and code == 0, err
    exec(re.search(r"```python\n(.*?)```", card, re.DOTALL)[1], {"__name__": "card"})
    assert (place / "deer.tflite").is_file() and (place / "overlays" / "detections.json").is_file()
    assert yolact_tf.load_run(place / "deer").labels == LABELS


def test_the_numbers_of_this_file_are_those_of_an_evaluation():
    """`METRICS` has the fields that `yolact evaluate` writes."""
    from yolact_tf.evaluate.coco_numbers import STATS

    assert set(METRICS["segm"]) <= set(STATS)
