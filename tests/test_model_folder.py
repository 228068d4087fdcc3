import pytest

from yolact_tf.model_folder import find_versions, new_version, require_versions


def version(folder):
    """A folder that looks like a SavedModel."""
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"")
    return folder


def test_versions_are_numbered_folders_with_a_model_newest_first(tmp_path):
    two, ten = version(tmp_path / "m" / "2"), version(tmp_path / "m" / "10")
    version(tmp_path / "m" / "latest")
    (tmp_path / "m" / "11").mkdir()
    (tmp_path / "m" / "models.config").write_text("")
    assert list(find_versions(tmp_path / "m").items()) == [(10, ten), (2, two)]


def test_a_model_itself_is_version_1(tmp_path):
    assert find_versions(version(tmp_path / "7")) == {1: tmp_path / "7"}


def test_what_holds_no_version_is_refused(tmp_path):
    (tmp_path / "two" / "2" / "1").mkdir(parents=True)
    assert find_versions(tmp_path / "two") == find_versions(tmp_path / "none") == {}
    with pytest.raises(ValueError, match=r"saved_model.pb.*\.tflite or \.onnx file. Received: .*two"):
        require_versions(tmp_path / "two")
    with pytest.raises(FileNotFoundError, match="Expected an exported model. Received: .*none"):
        require_versions(tmp_path / "none")


def test_a_new_version_follows_the_newest_or_is_named(tmp_path):
    base = tmp_path / "m"
    assert new_version(base) == (base, base / "1")
    assert new_version(base / "20241125") == (base, base / "20241125")
    version(base / "2")
    assert new_version(base) == (base, base / "3")
    assert new_version(base / "1") == (base, base / "1")
    (base / "9").mkdir()  # a version that somebody copies
    assert new_version(base) == (base, base / "10")
    assert new_version(base / "9") == (base, base / "9")


def test_a_path_is_below_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_version("7") == (tmp_path, tmp_path / "7")


def test_nothing_is_overwritten_or_nested(tmp_path):
    model, other = version(tmp_path / "m" / "2"), tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("")
    for path in (model, tmp_path / "m" / "02"):
        with pytest.raises(ValueError, match="version that is free"):
            new_version(path)
    for path in (tmp_path / "m" / "3" / "2", tmp_path / "m" / ("9" * 20), tmp_path / "m" / "new"):
        with pytest.raises(ValueError, match="--output must not lie in the folder of another model"):
            new_version(path)
    for path in (other, other / "1", other / "notes.txt", model / "3"):
        with pytest.raises(ValueError, match="--output must be a new folder"):
            new_version(path)
