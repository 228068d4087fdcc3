"""The page that needs no server of ours, as a folder."""

import json

import pytest
from typer.testing import CliRunner

from yolact_tf.cli.commands import app
from yolact_tf.serve import page_files
from yolact_tf.serve.page_files import built_files, write_page

built = pytest.mark.skipif(not built_files(), reason="the page is not built: make page")


@built
def test_the_folder_holds_the_page_and_the_model(litert_file, tmp_path):
    folder = tmp_path / "new" / "site"
    answer = CliRunner().invoke(app, ["page", str(folder), "--model", str(litert_file)])
    assert answer.exit_code == 0 and answer.output.replace("\n", "") == str(folder)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(files) == {*built_files(), "page.json", litert_file.name}
    assert files[litert_file.name].read_bytes() == litert_file.read_bytes()
    assert json.loads(files["page.json"].read_text()) == {"name": "shapes", "file": "shapes.tflite"}
    # Relative, so that the folder may lie anywhere below an origin.
    assert '="/' not in files["index.html"].read_text()


@built
def test_it_is_written_whole_or_not_at_all(litert_file, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    (full / "file").write_text("somebody's")
    with pytest.raises(ValueError, match="OUT must be a new or an empty folder. Received: .*full"):
        write_page(full, litert_file)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(litert_file.read_bytes()[:5000])
    with pytest.raises(ValueError, match="damaged.tflite: expected a .tflite of `yolact export`"):
        write_page(tmp_path / "site", damaged)
    with pytest.raises(FileNotFoundError, match="--model must be a .tflite file. Received: .*none.tflite"):
        write_page(tmp_path / "site", tmp_path / "none.tflite")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.tflite", "full"]
    assert [path.name for path in full.iterdir()] == ["file"]


@pytest.mark.whole
@built
def test_a_file_without_detections_is_refused(shapes_run, tmp_path):
    from yolact_tf.export import to_litert
    from yolact_tf.runs import load_run

    heads = to_litert(load_run(shapes_run), tmp_path / "heads.tflite", "heads")
    with pytest.raises(ValueError, match="--model must end with detections.*Received: .*heads.tflite"):
        write_page(tmp_path / "site", heads)
    assert not (tmp_path / "site").exists()


def test_a_page_that_is_not_built_is_not_written(litert_file, tmp_path, monkeypatch):
    monkeypatch.setattr(page_files, "built_files", dict)
    with pytest.raises(ValueError, match="run `make page` in a checkout"):
        write_page(tmp_path / "site", litert_file)
    assert list(tmp_path.iterdir()) == []
