"""Apache Beam, which is an extra, images of which some are broken, and a place that is far away."""

import shutil

import pytest


@pytest.fixture(scope="session", autouse=True)
def beam():
    return pytest.importorskip("apache_beam", reason="needs the extra beam, which `make test-batch` installs")


@pytest.fixture
def photographs(shapes_data, tmp_path):
    """Folder of four images, of one that is cut short, of text that is called a PNG, and of notes."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for path in sorted((shapes_data / "images").glob("val_*")):
        shutil.copy(path, folder)
    whole = (folder / "val_00000.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.PNG").write_text("hello")
    (folder / "notes.md").write_text("hello")
    return folder


@pytest.fixture
def output(tmp_path):
    folder = tmp_path / "output"
    folder.mkdir()
    return folder


@pytest.fixture
def far(tmp_path, monkeypatch):
    """far(path) -> its URL in a store that knows no folders; near(URL) is the other way round."""
    from tests.batch.far_files import FarFileSystem

    monkeypatch.setattr(FarFileSystem, "root", str(tmp_path))
    return lambda path: f"far://{path.relative_to(tmp_path).as_posix()}"
