"""`yolact batch` as it is asked for."""

import json
import sys

import pytest

from tests.in_process import in_process


@pytest.fixture
def yolact(capsys, monkeypatch):
    return lambda *arguments: in_process(capsys, monkeypatch, *arguments)


def test_without_beam_a_line_says_how_to_install_it(saved_model, shapes_data, tmp_path, monkeypatch, yolact):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    code, out, err = yolact("batch", saved_model, shapes_data / "images", "--output", tmp_path / "a.json")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "Batch jobs need apache_beam: pip install 'yolact_tf[beam]'" in err
    assert not any(tmp_path.iterdir())


def test_a_glob_that_the_shell_resolved_is_told(saved_model, tmp_path, yolact):
    request = ("batch", saved_model, "a.jpg", "b.jpg", "--output", tmp_path / "a.json")
    code, _, err = yolact(*request)
    assert code == 2 and err.count("\n") == 1
    assert "glob in quotes; options of Beam begin with --. Received also: 'b.jpg'" in err


def test_what_is_found_is_told_and_written(saved_model, shapes_data, tmp_path, yolact):
    pytest.importorskip("apache_beam", reason="needs the extra beam, which `make test-batch` installs")
    (tmp_path / "text.jpg").write_text("hello")
    images = shapes_data / "images"
    (tmp_path / "list.txt").write_text(f"text.jpg\n{images}/val_00000.jpg\n{images}/val_00001.jpg\n")
    request = ("batch", saved_model, tmp_path / "list.txt", "--output", tmp_path / "a.json")
    runner = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
    code, out, err = yolact(*request, "--score-threshold", 0.05, "--runner", runner, "--", "--job_name=mine")
    rows = json.loads((tmp_path / "a.json").read_text())
    assert (code, err) == (0, "") and {row["image_id"] for row in rows} == {2, 3}
    failed = f"1 cannot be read: {tmp_path}/a.failed.jsonl"
    assert " ".join(out.split()) == f"{len(rows)} objects in 2 images: {tmp_path}/a.json; {failed}"
