"""The page that a server answers at `/`, in a real browser where there is one."""

import urllib.error
import urllib.request

import numpy as np
import pytest
from PIL import Image, ImageOps
from pycocotools.coco import COCO

from tests.browser import chromium
from tests.colour_finder import draw, save_export, serving
from tests.serve.page_driver import Visit
from yolact_tf.draw.instances import color_of
from yolact_tf.serve import Limits, build_app, load_servable, page_files

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")
built = pytest.mark.skipif(not page_files.built_files(), reason="the page is not built: make page")


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    return load_servable(save_export(tmp_path_factory.mktemp("export")), "kites & <b>balls")


@pytest.fixture(scope="module")
def address(servable):
    with serving(build_app(servable, Limits(pixels=2_000_000))) as address:
        yield "http://{}:{}/".format(*address)


@pytest.fixture(scope="module")
def browser():
    with chromium("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream") as browser:
        yield browser


@pytest.fixture
def visit(browser, address):
    visit = Visit(browser, address)
    yield visit
    visit.tab.context.close()
    assert visit.errors == []


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """Path of a PNG with a red disc and a blue bar, and their masks."""
    encoded, masks = draw(300, 400)
    path = tmp_path_factory.mktemp("pictures") / "scene.png"
    path.write_bytes(encoded)
    return path, masks


def fetch(url):
    with urllib.request.urlopen(url) as response:
        return response.headers, response.read()


@built
def test_all_files_are_ours_with_their_types(address):
    headers, index = fetch(address)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"default-src 'none'" in index and b"unsafe-inline" not in index and b"'unsafe-eval'" not in index
    assert headers["Cache-Control"] == "no-cache"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
    kinds |= {".html": headers["Content-Type"], ".wasm": "application/wasm"}
    for place, path in page_files.built_files().items():
        headers, content = fetch(address + place)
        assert (headers["Content-Type"], len(content)) == (kinds[path.suffix], path.stat().st_size), place


@built
@pytest.mark.parametrize(
    "place", ["../app.py", "%2e%2e/app.py", "assets/../../app.py", "assets/", "page/index.html"]
)
def test_nothing_else_is_served(address, place):
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(address + place)
    assert refused.value.code == 404
    refused.value.close()


def test_a_page_that_is_not_built_says_how_to_build_it(servable, monkeypatch):
    monkeypatch.setattr(page_files, "built_files", dict)
    with serving(build_app(servable)) as (host, port):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetch(f"http://{host}:{port}/")
        with refused.value as answer:
            assert answer.code == 503 and b"run `make page` in a checkout" in answer.read()
        assert (
            b"AVAILABLE" in fetch(f"http://{host}:{port}/v1/models/{urllib.request.quote(servable.name)}")[1]
        )


@built
def test_the_page_paints_what_the_server_found(visit, address, picture):
    assert visit.tab.title() == visit.text("h1") == "kites & <b>balls"
    assert visit.text("#status") == "version 10, available"
    visit.show(picture[0])
    assert visit.rows == ["red kite 0.90", "blue <b>ball</b> 0.35"]
    assert "400 × 300 px, answered in " in visit.text("#latency")
    # In the disc's middle 45 % of the picture's red gives way to the colour of class 1; the grey stays.
    mixed = np.array([220, 40, 30]) * 0.55 + np.array(color_of(1)) * 0.45
    np.testing.assert_allclose(visit.pixel(0.3, 0.45), mixed, atol=2)
    assert visit.pixel(0.55, 0.9) == [140, 140, 140]
    visit.slide("#opacity", 0)
    assert visit.pixel(0.3, 0.45) == [220, 40, 30]
    visit.slide("#threshold", 0.5)
    assert visit.rows == ["red kite 0.90"] and visit.text("#count") == "1 of 2"
    assert {url.split("/v1")[0].rstrip("/") for url in visit.urls if "127.0.0.1" not in url} == set()


@built
def test_the_coco_file_loads_and_holds_what_is_on_show(visit, picture):
    path, masks = picture
    visit.show(path)
    np.testing.assert_array_equal(visit.masks(), masks)
    file, _ = visit.download()
    coco = COCO(file)
    assert coco.imgs[1] == {"id": 1, "file_name": "scene.png", "width": 400, "height": 300}
    assert [category["name"] for category in coco.loadCats([1, 2])] == ["red kite", "blue <b>ball</b>"]
    for annotation, mask in zip(coco.loadAnns([1, 2]), masks):
        np.testing.assert_array_equal(coco.annToMask(annotation), mask)
        assert annotation["area"] == mask.sum()
    results = coco.loadRes(coco.dataset["annotations"])
    assert results.anns[1]["score"] == pytest.approx(0.9)
    visit.tab.uncheck("#class-list label:has-text('kite') input")
    assert visit.rows == ["blue <b>ball</b> 0.35"]
    np.testing.assert_array_equal(visit.masks(), masks[1:])


@built
@pytest.mark.parametrize("mode", ["window", "columns", "all", "nothing", "corners"])
def test_run_lengths_of_every_border_come_back(visit, mode, tmp_path):
    height, width = 40, 50
    red = {
        "window": np.s_[5:30, 10:20],
        "columns": np.s_[:, 10:20],
        "all": np.s_[:, :],
        "nothing": np.s_[:0],
        "corners": np.s_[:: height - 1, :: width - 1],
    }[mode]
    image = np.full((height, width, 3), 140, np.uint8)
    image[red] = 220, 40, 30
    Image.fromarray(image).save(tmp_path / "image.png")
    visit.show(tmp_path / "image.png")
    expected = image[None, ..., 0] == 220
    np.testing.assert_array_equal(visit.masks(), expected[expected.any((1, 2))])


@built
@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_photograph_is_shown_upright(visit, picture, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.open(picture[0]).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / "turned.jpg")))
    visit.show(tmp_path / "turned.jpg")
    visit.slide("#opacity", 0)
    red = np.argwhere(upright[..., 0] > 200).mean(0) / upright.shape[:2]
    np.testing.assert_allclose(visit.pixel(red[1], red[0]), [220, 40, 30], atol=6)


@built
def test_what_goes_wrong_is_said_in_a_line(visit, picture, tmp_path):
    (tmp_path / "text.png").write_bytes(b"no image")
    visit.show(tmp_path / "text.png")
    assert visit.text("#error") == "text.png is no image that this browser can read."
    Image.fromarray(np.zeros((1500, 1500, 3), np.uint8)).save(tmp_path / "large.png")
    visit.show(tmp_path / "large.png")
    assert visit.text("#error").startswith("The images of a request must have at most 2000000 pixels")
    visit.tab.route("**/*:predict", lambda route: route.abort())
    visit.show(picture[0])
    assert visit.text("#error") == "The server does not answer. Is it still running?"
    visit.tab.unroute("**/*:predict")
    visit.show(picture[0])
    assert visit.tab.is_hidden("#error") and len(visit.rows) == 2


@built
def test_pictures_come_by_paste_and_by_drop(visit, picture):
    give = """([event, field, bytes]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "given.png", { type: "image/png" }));
        window.dispatchEvent(new (event === "paste" ? ClipboardEvent : DragEvent)(event, { [field]: data }));
    }"""
    for event, field in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        visit.forget()
        visit.tab.evaluate(give, [event, field, list(picture[0].read_bytes())])
        visit.tab.wait_for_selector("#latency:not(:empty)")
        assert len(visit.rows) == 2


@built
def test_the_camera_gives_a_picture_and_then_many(visit):
    visit.tab.click("#camera")
    visit.tab.wait_for_selector("#frame")
    visit.tab.press("#frame", "Enter")
    visit.tab.wait_for_selector("#latency:not(:empty)")
    assert visit.tab.is_visible("#view") and visit.tab.is_hidden("#video")
    visit.tab.click("#camera")
    asked = len(visit.urls)
    visit.tab.check("#live")
    while len([url for url in visit.urls[asked:] if url.endswith(":predict")]) < 3:
        visit.tab.wait_for_timeout(20)
    visit.tab.keyboard.press("Escape")
    assert visit.tab.is_hidden("#live-label") and visit.text("#camera") == "Camera"


@built
def test_all_is_reached_with_the_keyboard(visit, picture):
    visit.show(picture[0])
    visit.tab.focus("#choose")
    reached = []
    while "download" not in reached:
        visit.tab.keyboard.press("Tab")
        reached.append(
            visit.tab.evaluate("document.activeElement.id || document.activeElement.type || 'row'")
        )
    assert reached == ["camera", "threshold", "opacity", "checkbox", "checkbox", "row", "download"]
    visit.tab.keyboard.press("Shift+Tab")
    visit.tab.keyboard.press("ArrowDown")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_selector("#explorer:not([hidden])")
    # The model of this server tells no prototypes: the explorer says which export does.
    assert visit.text("#explorer-title") == "Prototypes of blue <b>ball</b> 0.35"
    assert "`yolact export RUN --recipe saved_model`" in visit.text("#explorer-text")
    assert visit.tab.is_disabled("#crop")
    visit.tab.keyboard.press("Escape")
    assert visit.tab.is_hidden("#explorer")
    assert visit.tab.evaluate("document.activeElement.textContent") == "blue <b>ball</b>0.35"


@built
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_need_not_scroll_sideways(browser, address, picture, scheme):
    visit = Visit(browser, address, viewport={"width": 360, "height": 740}, color_scheme=scheme)
    visit.show(picture[0])
    visit.tab.click("#list li >> nth=0")
    visit.tab.wait_for_selector("#explorer:not([hidden])")
    visit.tab.click("#camera")
    assert visit.tab.evaluate("document.documentElement.scrollWidth") == 360
    paper = visit.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(246, 247, 248)", "dark": "rgb(20, 24, 29)"}[scheme]
    visit.tab.context.close()
