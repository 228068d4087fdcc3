"""Real models behind the page: on a server, and in the browser under any web server."""

import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import yolact_tf
from tests.browser import WAIT, chromium
from tests.colour_finder import serving
from tests.export.verify.test_gpu_faults import FAULTS
from tests.serve.page_driver import DONE, Visit, plain_server
from yolact_tf.export import to_litert
from yolact_tf.mask_windows import place_window, upsample_to_image
from yolact_tf.masks import assemble_masks
from yolact_tf.serve import build_app, load_servable, page_files

pytest.importorskip("uvicorn", reason="the `serve` extra is not installed")
pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(not page_files.built_files(), reason="the page is not built: make page"),
]
# Of mask pixels: WebAssembly sums in another order than the CPU's own kernels.
CHANGED = 0.001


@pytest.fixture(scope="module")
def browser():
    with chromium("enable-unsafe-webgpu", "use-webgpu-adapter=swiftshader") as browser:
        yield browser


@pytest.fixture(scope="module")
def server(saved_model):
    with serving(build_app(load_servable(saved_model))) as (host, port):
        yield f"http://{host}:{port}/"


@pytest.fixture(scope="module")
def static(explore_file, tmp_path_factory):
    folder = page_files.write_page(tmp_path_factory.mktemp("static") / "page", explore_file)
    with plain_server(folder) as address:
        yield address


@pytest.fixture(scope="module")
def picture(shapes_data, tmp_path_factory):
    """Path of a PNG that is not square."""
    path = tmp_path_factory.mktemp("pictures") / "scene.png"
    image = Image.open(sorted((shapes_data / "images").glob("val_*"))[0])
    image.resize((230, 170), Image.Resampling.BICUBIC).save(path)
    return path


def on_server(browser, server, static, explore_file):
    return Visit(browser, server)


def in_threads(browser, server, static, explore_file):
    """In the browser, from our server, whose headers allow threads."""
    visit = Visit(browser, server)
    visit.tab.locator("input[value=browser]").check(force=True)
    visit.tab.set_input_files("#model-file", explore_file)
    visit.tab.wait_for_selector("#status.up")
    assert "threads of the CPU" in visit.text("#status")
    return visit


def without_server(browser, server, static, explore_file):
    visit = Visit(browser, static)
    assert visit.text("#status") == "explore.tflite on the CPU" and visit.tab.is_hidden("#places")
    return visit


@pytest.fixture(params=[on_server, in_threads, without_server])
def visit(request, browser, server, static, explore_file):
    visit = request.param(browser, server, static, explore_file)
    yield visit
    visit.tab.context.close()
    assert visit.errors == []


def expected_of(visit, explore_file, picture):
    """What Python finds, as far as the page shows it."""
    found = yolact_tf.Detector.from_artefact(explore_file)(picture)
    least = float(visit.tab.input_value("#threshold"))
    return found[found.scores > least]


def assert_same_masks(received, expected):
    assert received.shape == expected.shape and expected.any()
    assert (received != expected).mean() <= CHANGED


def test_masks_are_those_of_python(visit, explore_file, picture):
    visit.show(picture)
    visit.slide("#threshold", 0.06)
    expected = expected_of(visit, explore_file, picture)
    assert visit.rows == [f"{n} {s:.2f}" for n, s in zip(expected.class_names, expected.scores)]
    assert_same_masks(visit.masks(), expected.masks)
    boxes = [annotation["bbox"] for annotation in visit.download()[1]["annotations"]]
    np.testing.assert_allclose(boxes, [row["bbox"] for row in expected.to_coco(1)], atol=0.02)


@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_a_photograph_is_turned_as_python_turns_it(visit, explore_file, picture, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    # Without chroma subsampling, which decoders smooth differently.
    Image.open(picture).save(tmp_path / "turned.jpg", exif=exif, quality=98, subsampling=0)
    visit.show(tmp_path / "turned.jpg")
    visit.slide("#threshold", 0.06)
    masks, expected = visit.masks(), expected_of(visit, explore_file, tmp_path / "turned.jpg").masks
    assert masks.shape[1:] == expected.shape[1:] == ((170, 230) if orientation == 1 else (230, 170))
    # The decoders of browsers and TensorFlow differ by a level of 255 here and there.
    assert masks.shape == expected.shape and (masks != expected).mean() <= 0.01


def test_colours_under_transparency_count(visit, explore_file, picture, tmp_path):
    image = np.dstack([np.asarray(Image.open(picture).convert("RGB")), np.full((170, 230), 3, np.uint8)])
    Image.fromarray(image).save(tmp_path / "faint.png")
    visit.show(tmp_path / "faint.png")
    visit.slide("#threshold", 0.06)
    assert_same_masks(visit.masks(), expected_of(visit, explore_file, picture).masks)


def test_files_of_every_kind_have_the_pixels_that_python_reads(
    browser, static, explore_file, picture, tmp_path
):
    image, exif = Image.open(picture), Image.Exif()
    exif[0x0112] = 6
    image.convert("L").save(tmp_path / "gray.jpg", quality=90)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=90)
    image.save(tmp_path / "smoothed.jpg", quality=90, progressive=True)
    image.convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "palette.png")
    Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(tmp_path / "deep.png")
    image.save(tmp_path / "turned.png", exif=exif)  # which Python does not turn
    for kind in ("gif", "bmp", "webp"):
        image.save(tmp_path / f"image.{kind}")
    visit = Visit(browser, static)
    visit.slide("#threshold", 0.06)
    for path in sorted(tmp_path.iterdir()):
        visit.show(path)
        received, expected = visit.masks(), expected_of(visit, explore_file, path).masks
        assert received.shape == expected.shape, path
        assert (received != expected).mean() <= CHANGED, path
    visit.tab.context.close()


def test_the_explorer_changes_the_mask_live(visit, explore_file, picture):
    visit.show(picture)
    visit.slide("#threshold", 0.06)
    expected = expected_of(visit, explore_file, picture)
    chosen = largest(expected)
    visit.tab.click(f"#list li >> nth={chosen}")
    visit.tab.wait_for_selector("#prototypes li")
    visit.settle()
    labels = visit.tab.locator("#prototypes li .row span").all_inner_texts()
    order = [int(label.removeprefix("#")) for label in labels]
    sizes = np.abs(expected.coefficients[chosen])
    assert sorted(order) == list(range(len(sizes)))
    assert (np.diff(sizes[order]) <= 1e-4).all()
    assert_same_masks(visit.masks(), expected.masks)

    coefficients = expected.coefficients[chosen].copy()
    coefficients[order[0]] *= -0.25
    visit.slide("#prototypes input", float(coefficients[order[0]]))
    changed = expected.masks.copy()
    changed[chosen] = assembled(expected, coefficients, expected.boxes[chosen])
    assert (changed != expected.masks).any()
    assert_same_masks(visit.masks(), changed)
    visit.tab.uncheck("#crop-one")
    changed[chosen] = assembled(expected, coefficients, None)
    assert_same_masks(visit.masks(), changed)
    visit.tab.click("#reset")
    assert_same_masks(visit.masks(), expected.masks)
    assert visit.tab.is_disabled("#reset")


def test_the_crop_slider_lets_masks_go_beyond_their_boxes(visit, explore_file, picture):
    visit.show(picture)
    visit.slide("#threshold", 0.06)
    expected = expected_of(visit, explore_file, picture)
    visit.slide("#crop", 0.5)
    x1, y1, x2, y2 = expected.boxes.T
    across, down = (x2 - x1) / 2, (y2 - y1) / 2
    boxes = np.stack([x1 - across, y1 - down, x2 + across, y2 + down], 1)
    wide = np.array([assembled(expected, c, box) for c, box in zip(expected.coefficients, boxes)])
    assert (wide & ~expected.masks).any()
    assert_same_masks(visit.masks(), wide)


def largest(found):
    """The rank of the detection with the largest mask: those of a hardly trained model may be empty."""
    return int(found.masks.sum((1, 2)).argmax())


def assembled(found, coefficients, box):
    """[H, W] bool: Python's mask of one detection with other coefficients and another box, or none."""
    height, width = found.image_size
    relative = np.array([0, 0, 1, 1], np.float32)
    if box is not None:
        relative = np.asarray(box, np.float32) / np.array([width, height, width, height], np.float32)
    masks = assemble_masks(
        tf.constant(found.prototypes[None]), tf.constant(coefficients[None, None]), relative[None, None]
    )
    return place_window(
        *upsample_to_image(np.asarray(masks)[0, 0], relative, found.image_size), found.image_size
    )


def test_a_model_file_may_have_any_name(browser, explore_file, tmp_path):
    name = "größe #2 50%?.tflite"
    shutil.copyfile(explore_file, tmp_path / name)
    with plain_server(page_files.write_page(tmp_path / "page", tmp_path / name)) as address:
        visit = Visit(browser, address)
        assert visit.text("#status") == f"{name} on the CPU"
        visit.tab.context.close()


def test_smooth_masks_are_those_of_python(browser, static, shapes_run, picture, tmp_path):
    run = yolact_tf.load_run(shapes_run, ["detect.mask_upsampling=logits"])
    file = to_litert(run, tmp_path / "smooth.tflite")
    visit = Visit(browser, static)
    visit.tab.set_input_files("#model-file", file)
    visit.tab.wait_for_selector("#status:has-text('smooth.tflite')")
    visit.show(picture)
    visit.slide("#threshold", 0.06)
    expected, coarse = expected_of(visit, file, picture).masks, replaced(visit, file, picture)
    assert_same_masks(visit.masks(), expected)
    assert (coarse != expected).mean() > 10 * CHANGED  # else it would not matter
    visit.tab.context.close()


def replaced(visit, file, picture):
    """The masks of a smooth model with probabilities enlarged instead."""
    found = expected_of(visit, file, picture)
    return dataclasses.replace(found, mask_upsampling="probabilities").masks


def test_what_a_file_lacks_is_said(browser, static, litert_file, explore_file, picture, tmp_path):
    visit = Visit(browser, static)
    (tmp_path / "other.tflite").write_bytes(explore_file.read_bytes()[:2000])
    visit.tab.set_input_files("#model-file", tmp_path / "other.tflite")
    visit.tab.wait_for_selector("#error:not([hidden])")
    assert visit.text("#error") == "other.tflite is no .tflite of `yolact export`: it has no metadata.json."
    visit.tab.set_input_files("#model-file", litert_file)
    visit.tab.wait_for_selector("#status.up")
    visit.show(picture)
    visit.slide("#threshold", 0.06)
    visit.tab.click("#list li >> nth=0")
    visit.tab.wait_for_selector("#explorer:not([hidden])")
    missing = "This .tflite holds no prototypes: export the run with `--recipe litert_explore`."
    assert visit.text("#explorer-text") == visit.text("#crop-why") == missing
    visit.tab.context.close()


def on_the_gpu(browser, server, file):
    """In the browser, on Chromium's software WebGPU."""
    visit = in_threads(browser, server, None, file)
    visit.tab.locator("input[value=webgpu]").check(force=True)
    visit.tab.wait_for_selector("#status:has-text('on the GPU'), #error:not([hidden])")
    assert visit.tab.is_hidden("#error"), visit.text("#error")
    return visit


def show_patiently(visit, path):
    """Chooses an image and waits for a software GPU, which compiles its shaders first."""
    visit.forget()
    visit.tab.set_input_files("#file", path)
    visit.tab.wait_for_selector(DONE, timeout=4 * WAIT)


def test_a_gpu_answers_as_the_cpu(browser, server, explore_file, picture):
    """The page itself compares the first answer with the CPU's."""
    visit = on_the_gpu(browser, server, explore_file)
    show_patiently(visit, picture)
    assert visit.tab.is_hidden("#error"), visit.text("#error")
    visit.slide("#threshold", 0.06)
    assert_same_masks(visit.masks(), expected_of(visit, explore_file, picture).masks)
    visit.tab.context.close()


def test_a_gpu_that_answers_otherwise_is_refused(browser, server, shapes_run, picture, tmp_path, monkeypatch):
    """A real file that GPUs compute wrongly without a word."""
    fault, replacement, _ = FAULTS["anchors without a batch axis"]
    with monkeypatch.context() as patch:
        patch.setattr(fault, replacement)
        patch.setattr("yolact_tf.export.litert.gpu_faults", lambda content: [])
        file = to_litert(yolact_tf.load_run(shapes_run), tmp_path / "faulty.tflite", "explore")
    visit = on_the_gpu(browser, server, file)
    show_patiently(visit, picture)
    expected = "The GPU does not find what the CPU does: choose the CPU for faulty.tflite."
    assert visit.text("#error") == expected
    visit.tab.locator("input[value=wasm]").check(force=True)
    visit.tab.wait_for_selector("#status:has-text('CPU')")
    visit.tab.wait_for_selector(DONE)
    visit.slide("#threshold", 0.06)
    assert visit.tab.is_hidden("#error") and visit.rows
    visit.tab.context.close()
