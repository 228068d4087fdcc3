"""The demo page, in a real browser where there is one."""

import os
import re
import urllib.request

import pytest

from tests.browser import CHROMIUM, Browser
from tests.colour_finder import draw, save_export, serving
from yolact_tf.serve import build_app, load_servable

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    servable = load_servable(save_export(tmp_path_factory.mktemp("export")))
    with serving(build_app(servable)) as address:
        yield address


@pytest.fixture
def browser(tmp_path):
    if not os.path.exists(CHROMIUM):
        pytest.skip(f"{CHROMIUM} is not installed")
    browser = Browser(tmp_path / "profile", "1200,800")
    yield browser
    browser.close()


def test_the_page_names_the_model_and_loads_nothing_from_elsewhere(server):
    with urllib.request.urlopen("http://{}:{}/".format(*server)) as response:
        page = response.read().decode()
    assert '<body data-model="yolact">' in page and "{{" not in page
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", page)


def test_the_page_paints_what_the_server_found(browser, server, tmp_path):
    image, _ = draw(300, 400)
    (tmp_path / "image.png").write_bytes(image)
    (tmp_path / "text.png").write_bytes(b"no image")
    browser.send("Page.navigate", url="http://{}:{}/".format(*server))
    browser.wait_for(
        "document.readyState === 'complete' && document.getElementById('server').className === 'up'"
    )
    browser.choose(tmp_path / "image.png")
    browser.wait_for("list.children.length === 2")
    rows = browser.evaluate("[...list.children].map((row) => row.innerText.split(/\\s*\\n\\s*/).join(' '))")
    assert rows == ["red kite 0.90", "blue <b>ball</b> 0.35"]
    assert re.search(r"400 × 300 px, answered in \d+ ms", browser.evaluate("latency.innerText"))
    # In the disc's middle the picture's red is mixed with the mask's colour; on the grey it is not.
    at = "x * view.width, y * view.height, 1, 1"
    pixel = f"(x, y) => [...view.getContext('2d').getImageData({at}).data].slice(0, 3)"
    assert browser.evaluate(f"({pixel})(0.55, 0.9)") == [140, 140, 140]
    assert browser.evaluate(f"({pixel})(0.3, 0.45)") not in ([140, 140, 140], [220, 40, 30])
    browser.evaluate("threshold.value = 0.5; threshold.dispatchEvent(new Event('input'))")
    browser.wait_for("list.children.length === 1")
    assert browser.evaluate(f"({pixel})(0.85, 0.4)") == [30, 60, 220]
    browser.choose(tmp_path / "text.png")
    browser.wait_for("error.innerText.includes('Unknown image file format')")
