"""Versions come, go and break while the server goes on."""

import shutil

import pytest
import tensorflow as tf

from tests.colour_finder import draw, serving
from tests.serve.asking import PREDICT, b64, send, wait_until
from yolact_tf.export.warmup import FILE, prediction_log
from yolact_tf.serve import build_app, load_servable

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")


@pytest.fixture
def folder(export, tmp_path):
    """A model with version 2 alone."""
    shutil.copytree(export / "2", tmp_path / "model" / "2")
    return tmp_path / "model"


def test_the_newest_alone_is_served_unless_all_are_wanted(export):
    assert load_servable(export).versions == [10]
    assert load_servable(export, all_versions=True).versions == [10, 2]


def test_a_new_version_takes_over_and_the_old_one_ends(folder, export):
    servable = load_servable(folder)
    old = servable.version()
    shutil.copytree(export / "10", folder / "10")
    servable.refresh()
    assert servable.versions == [10] and servable.states() == {10: ("AVAILABLE", ""), 2: ("END", "")}
    with pytest.raises(KeyError):
        servable.version(2)
    # A request that has it keeps it.
    assert old.signatures["serving_default"](x=tf.constant([1.0]))["y"].numpy().tolist() == [
        pytest.approx(0.1)
    ]


def test_a_new_version_joins_where_all_are_served(folder, export):
    servable = load_servable(folder, all_versions=True)
    shutil.copytree(export / "10", folder / "10")
    servable.refresh()
    assert servable.versions == [10, 2]
    shutil.rmtree(folder / "2")
    servable.refresh()
    assert servable.versions == [10]


def test_the_version_before_is_served_again_when_the_newest_is_taken_away(folder, export):
    shutil.copytree(export / "10", folder / "10")
    servable = load_servable(folder)
    shutil.rmtree(folder / "10")
    servable.refresh()
    assert servable.versions == [2]


def test_a_folder_that_is_away_ends_nothing(folder):
    servable = load_servable(folder)
    folder.rename(folder.with_name("moved"))
    servable.refresh()
    assert servable.versions == [2]


def test_a_broken_version_is_named_once_and_served_when_it_is_whole(folder, export, caplog):
    servable = load_servable(folder)
    shutil.copytree(export / "10", folder / "10")
    data = folder / "10" / "saved_model.pb"
    whole = data.read_bytes()
    data.write_bytes(b"not a graph")
    for _ in range(3):
        servable.refresh()
    assert servable.versions == [2]
    state, wrong = servable.states()[10]
    assert state == "END" and "SavedModel that loads" in wrong
    assert [r.levelname for r in caplog.records].count("WARNING") == 1
    data.write_bytes(whole)
    servable.refresh()
    assert servable.versions == [10]


def test_a_broken_version_beside_a_sound_one_does_not_keep_the_server_from_starting(folder):
    (folder / "3").mkdir()
    (folder / "3" / "saved_model.pb").write_bytes(b"not a graph")
    assert load_servable(folder).versions == [2]


@pytest.mark.parametrize(
    "record",
    [
        b"no log",
        prediction_log("m", "no such signature", {}),
        prediction_log("m", "serving_default", {"x": tf.make_tensor_proto([b"text"])}),
    ],
)
def test_a_version_whose_warm_up_fails_is_not_served(folder, record):
    (folder / "2" / FILE).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / "2" / FILE)) as writer:
        writer.write(record)
    with pytest.raises(ValueError, match="expected warm-up requests that work. Received: .") as error:
        load_servable(folder)
    assert "\n" not in str(error.value)


def test_clients_see_versions_change_and_miss_no_answer(folder, export):
    servable = load_servable(folder)
    with servable.followed(seconds=0.01), serving(build_app(servable)) as server:

        def states():
            told = send(server, "GET", "/v1/models/yolact")[1]["model_version_status"]
            return {row["version"]: row["state"] for row in told}

        assert send(server, "POST", PREDICT, {"inputs": [5]}) == (200, {"outputs": [0.5]})
        assert states() == {"2": "AVAILABLE"}
        shutil.copytree(export / "10", folder / "new")
        (folder / "new").rename(folder / "10")
        request = {"inputs": [b64(draw()[0])]}
        # Until the new version is there the old one says what it wants.
        wait_until(lambda: send(server, "POST", PREDICT, request)[0] == 200)
        assert states() == {"10": "AVAILABLE", "2": "END"}
        status, reply = send(server, "POST", "/v1/models/yolact/versions/2:predict", {"inputs": [5]})
        assert status == 404
        assert reply["error"].startswith("Servable not found for request: Specific(yolact, 2).")
        # The folder of a version that does not load is no more than a line in the status.
        (folder / "11").mkdir()
        (folder / "11" / "saved_model.pb").write_bytes(b"no graph")
        wait_until(lambda: states().get("11") == "END")
        broken = send(server, "GET", "/v1/models/yolact/versions/11")[1]["model_version_status"][0]
        assert broken["status"]["error_code"] == "INVALID_ARGUMENT" and broken["status"]["error_message"]
        assert send(server, "POST", PREDICT, request)[0] == 200
