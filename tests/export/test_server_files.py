"""models.config, batching.config and docker_run.sh: what is there stays."""

import os
import re

import pytest

from yolact_tf.export.server_files import write_server_files


@pytest.fixture
def folder(tmp_path):
    """Two exports, somebody else's model, and data."""
    for name in ("a", 'b "c"', "foreign"):
        (tmp_path / name / "1" / "assets").mkdir(parents=True)
        (tmp_path / name / "1" / "saved_model.pb").write_bytes(b"")
        if name != "foreign":
            (tmp_path / name / "1" / "assets" / "labels.json").write_text("{}")
    (tmp_path / "data").mkdir()
    return tmp_path


def base_paths(folder):
    return re.findall(r'base_path: "(.*)"', (folder / "models.config").read_text())


def test_all_exported_models_are_listed_once(folder):
    write_server_files(folder)
    assert base_paths(folder) == ["/models/a", r"/models/b \"c\""]
    before = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert set(before) == {"models.config", "batching.config", "docker_run.sh"}
    assert before["models.config"].count("{") == before["models.config"].count("}") == 3
    assert os.access(folder / "docker_run.sh", os.X_OK)
    write_server_files(folder)
    assert {path.name: path.read_text() for path in folder.iterdir() if path.is_file()} == before


def test_entries_and_policies_of_the_user_stay(folder, caplog):
    write_server_files(folder)
    config = folder / "models.config"
    own = '  config { name: "new" base_path: "/elsewhere/new" }\n  # base_path: "/models/late"\n}'
    config.write_text(config.read_text().rstrip().removesuffix("}") + own)
    (folder / "a").rename(folder / "new")  # listed by the user, at another path
    (folder / 'b "c"').rename(folder / "late")
    write_server_files(folder)
    text = config.read_text()
    assert own.removesuffix("}") in text and text.endswith("}")
    assert base_paths(folder).count("/models/late") == 2 and text.count('name: "new"') == 1
    assert not caplog.records


def test_folders_by_their_names_are_left_alone_with_a_line_each(folder, caplog):
    for name in ("models.config", "batching.config", "docker_run.sh"):
        (folder / name).mkdir()
    write_server_files(folder)
    assert len(caplog.records) == 3 and all("left alone" in r.getMessage() for r in caplog.records)


def test_files_of_others_are_left_alone_with_a_line_each(folder, caplog):
    for name in ("models.config", "batching.config", "docker_run.sh"):
        (folder / name).write_text("model_config_list {}\n")
    write_server_files(folder)
    assert {path.read_text() for path in folder.iterdir() if path.is_file()} == {"model_config_list {}\n"}
    assert not os.access(folder / "docker_run.sh", os.X_OK)
    models, batching, script = [record.getMessage() for record in caplog.records]
    assert 'models.config is not ours and was left alone; it lacks a, b "c"' in models
    assert "batching.config" in batching and "docker_run.sh" in script
