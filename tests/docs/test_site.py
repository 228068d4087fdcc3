"""The site of the documentation builds without a warning, and its pages fit desktops and phones."""

import functools
import http.server
import subprocess
import sys
import threading

import pytest

from tests.browser import chromium
from tests.docs.pages import DOCS, PAGES, ROOT

pytest.importorskip("mkdocs", reason="mkdocs is not installed")
ADDRESSES = [page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES if page.is_relative_to(DOCS)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_in_it(site):
    for address in ADDRESSES:
        parts = [] if address == "index" else [address]
        assert (site.joinpath(*parts) / "index.html").is_file(), address


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(site):
    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.whole
def test_no_page_is_wider_than_a_phone_or_asks_others_for_anything(address):
    asked, wide = [], []
    with chromium() as browser:
        for width in (390, 1280):
            tab = browser.new_page(viewport={"width": width, "height": 844})
            tab.on("request", lambda request: asked.append(request.url))
            for page in ADDRESSES:
                tab.goto(f"{address}/{page if page != 'index' else ''}")
                room = tab.evaluate("document.documentElement.clientWidth")
                if tab.evaluate("document.documentElement.scrollWidth") > room:
                    wide.append((page, width))
                assert tab.locator("h1").count() == 1
            tab.close()
    assert not wide
    assert len(asked) > 2 * len(ADDRESSES) and all(url.startswith(address) for url in asked)
