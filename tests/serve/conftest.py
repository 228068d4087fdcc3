"""A small export, and a server of it, for the tests of this folder."""

import pytest

from tests.colour_finder import save_export, serving
from tests.serve.asking import send


@pytest.fixture(scope="session")
def export(tmp_path_factory):
    """Folder with versions 2 and 10; only to read."""
    return save_export(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="session")
def servable(export):
    """Both versions, loaded."""
    pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")
    from yolact_tf.serve import load_servable

    return load_servable(export, all_versions=True)


@pytest.fixture(scope="module")
def server(servable):
    """(host, port) of a real server."""
    from yolact_tf.serve import build_app

    with serving(build_app(servable)) as address:
        yield address


@pytest.fixture
def call(server):
    """`send` to the server, which every test that calls it finds still answering afterwards."""
    yield lambda *arguments, **keywords: send(server, *arguments, **keywords)
    assert send(server, "GET", "/v1/models/yolact")[0] == 200
