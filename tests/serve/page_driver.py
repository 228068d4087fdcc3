"""The page as a visitor uses it, in a browser, and the servers that it comes from."""

import contextlib
import functools
import http.server
import json
import threading

import numpy as np
from pycocotools import mask as coco_mask

from tests.browser import WAIT

DONE = "#latency:not(:empty), #error:not([hidden])"


class Visit:
    """One tab on the page. Errors of its script, and what it asks of other origins, are collected."""

    def __init__(self, browser, address, **settings):
        self.tab = browser.new_context(**settings).new_page()
        self.tab.set_default_timeout(WAIT)
        self.errors, self.urls = [], []
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("request", lambda request: self.urls.append(request.url))
        self.tab.goto(address)
        self.tab.wait_for_selector("#status.up, #status.down")

    def show(self, path):
        """Chooses an image and waits for the answer."""
        self.forget()
        self.tab.set_input_files("#file", path)
        self.tab.wait_for_selector(DONE)

    def forget(self):
        """Takes away what was said of an earlier picture, so that one can wait for the next."""
        self.tab.evaluate("document.getElementById('latency').textContent = ''")
        self.tab.evaluate("document.getElementById('error').hidden = true")

    def slide(self, selector, value):
        slide = "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }"
        self.tab.locator(selector).first.evaluate(slide, value)
        self.settle()

    def settle(self):
        """Waits until no work is shown and what is changed is painted."""
        self.tab.wait_for_selector("#busy", state="hidden")
        self.tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def text(self, selector):
        return self.tab.inner_text(selector)

    @property
    def rows(self):
        return [row.replace("\n", " ") for row in self.tab.locator("#list li").all_inner_texts()]

    def pixel(self, x, y):
        """RGB of the canvas at a place in 0..1."""
        read = """(view, [x, y]) => [...view.getContext("2d").getImageData(
            x * view.width, y * view.height, 1, 1).data].slice(0, 3)"""
        return self.tab.locator("#view").evaluate(read, [x, y])

    def download(self):
        """(path of the COCO file that the page offers, what it holds)."""
        with self.tab.expect_download() as waiting:
            self.tab.click("#download")
        path = waiting.value.path()
        return path, json.loads(path.read_text(encoding="utf-8"))

    def masks(self):
        """[n, H, W] bool: the masks on show, as the COCO file has them."""
        _, coco = self.download()
        image = coco["images"][0]
        rles = [annotation["segmentation"] for annotation in coco["annotations"]]
        masks = [coco_mask.decode(rle).astype(bool) for rle in rles]
        # pycocotools would decode runs that end too early; equal text tells that ours are whole.
        encoded = [coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"].decode() for mask in masks]
        assert encoded == [rle["counts"] for rle in rles]
        return np.array(masks).reshape(-1, image["height"], image["width"])


@contextlib.contextmanager
def plain_server(folder):
    """Yields the address of Python's own web server, which knows nothing of the page."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield "http://{}:{}/".format(*server.server_address)
        finally:
            server.shutdown()
            thread.join()
