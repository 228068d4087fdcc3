import dataclasses
import json

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pycocotools import mask as coco_mask

import yolact_tf
from yolact_tf.detect.detections import Detections
from yolact_tf.export.verify import compare
from yolact_tf.images.decoding import read_image


@pytest.fixture(scope="module")
def detector(shapes_run):
    return yolact_tf.Detector(yolact_tf.load_run(shapes_run))


@pytest.fixture(scope="module")
def image(shapes_data):
    return read_image(sorted((shapes_data / "images").glob("val_*"))[0])


@pytest.fixture(scope="module")
def found(detector, image):
    found = detector(image)
    assert len(found) > 0
    return found


def square(size=(40, 60), box=(10, 5, 30, 25)):
    """One detection whose mask fills its box, on a 20x30 prototype map."""
    x1, y1, x2, y2 = box
    mask = np.zeros((1, 20, 30), "float32")
    mask[0, y1 // 2 : y2 // 2, x1 // 2 : x2 // 2] = 1
    return Detections(size, np.array([box], "f"), np.array([0.9], "f"), np.array([7]), ("box",), mask)


def test_a_live_detector_follows_its_model_and_another_does_not(shapes_run, image):
    run = yolact_tf.load_run(shapes_run)
    still, live = yolact_tf.Detector(run), yolact_tf.Detector(run, live=True)
    before = still(image)
    assert_allclose(live(image).scores, before.scores, atol=1e-4)
    run.model.set_weights([weight * 0 for weight in run.model.get_weights()])
    assert_array_equal(still(image).scores, before.scores)
    assert not np.array_equal(live(image).scores, before.scores)


def test_unknown_precisions_and_two_at_once_are_refused(shapes_run):
    run = yolact_tf.load_run(shapes_run)
    with pytest.raises(
        ValueError, match=r"`precision` must be one of \['float32', 'bfloat16'\]\. Received: 'half'"
    ):
        yolact_tf.Detector(run, precision="half")
    with pytest.raises(ValueError, match=r"`precision` must be None beside `live`"):
        yolact_tf.Detector(run, live=True, precision="float32")


def test_a_full_box_comes_back_as_its_pixels():
    masks = square().masks
    assert masks.shape == (1, 40, 60)
    expected = np.zeros((40, 60), bool)
    expected[5:25, 10:30] = True
    # Prototype pixels are two image pixels wide: borders may move by one.
    assert (masks[0] != expected).sum() <= 2 * (20 + 20) * 1.5
    assert masks[0, 8:22, 13:27].all()


def test_rle_decodes_to_the_masks(found):
    decoded = coco_mask.decode(found.rle).transpose(2, 0, 1).astype(bool)
    assert_array_equal(decoded, found.masks)


def test_polygons_enclose_the_mask_area():
    (part,) = square().polygons[0]
    assert part.holes == ()
    x, y = part.outline.T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(square().masks.sum(), rel=0.1)
    assert x.min() >= 8 and x.max() <= 32


def test_a_hole_belongs_to_its_part():
    ring = square(box=(4, 4, 36, 36))
    ring.mask_probabilities[0, 8:12, 8:12] = 0
    (part,) = ring.polygons[0]
    assert len(part.holes) == 1


def test_boxes_lie_inside_the_image(found):
    height, width = found.image_size
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, [0, 2]] <= width).all() and (found.boxes[:, [1, 3]] <= height).all()
    assert (np.diff(found.scores) <= 0).all()


def test_selecting_keeps_rows_together(found):
    best = found.above(0, top_k=2)
    assert len(best) == min(2, len(found))
    assert_allclose(best.boxes, found.boxes[:2])
    assert best.class_names == found.class_names[:2]
    assert_array_equal(best.masks, found.masks[:2])
    assert len(found.above(1.0)) == 0


def test_rescored_masks_are_ranked_shown_and_written_by_their_own_score():
    one = square()
    pair = dataclasses.replace(
        one,
        boxes=np.repeat(one.boxes, 3, 0),
        scores=np.array([0.9, 0.8, 0.7], "f"),
        class_ids=np.array([7, 8, 9]),
        class_names=("a", "b", "c"),
        mask_probabilities=np.repeat(one.mask_probabilities, 3, 0),
        rescored=np.array([0.4, 0.6, 0.1], "f"),
    )
    shown = pair.above(0.15)
    assert shown.class_names == ("b", "a")
    assert_allclose(shown.mask_scores, [0.6, 0.4])
    assert pair.above(0.15, top_k=1).class_names == ("b",)
    assert [row["mask_score"] for row in pair.to_coco(1)] == pytest.approx([0.4, 0.6, 0.1])
    assert [row["score"] for row in pair.to_coco(1)] == pytest.approx([0.9, 0.8, 0.7])
    assert [row["mask_score"] for row in json.loads(shown.to_json())] == pytest.approx([0.6, 0.4])
    assert_array_equal(one.mask_scores, one.scores)
    assert "mask_score" not in one.to_coco(1)[0]


def test_nothing_found_is_empty_everywhere(image, found):
    nothing = found.above(1.0)
    assert nothing.masks.shape == (0, *image.shape[:2])
    assert nothing.rle == nothing.polygons == nothing.to_coco(1) == []
    assert nothing.to_json() == "[]"
    assert_array_equal(nothing.draw(image), image)


def test_coco_results_carry_xywh_and_rle(found):
    rows = found.to_coco(image_id=42)
    x1, y1, x2, y2 = found.boxes[0]
    assert_allclose(rows[0]["bbox"], [x1, y1, x2 - x1, y2 - y1], atol=1e-3)
    assert rows[0]["image_id"] == 42
    assert rows[0]["category_id"] == found.class_ids[0]
    assert set(rows[0]) == {"image_id", "category_id", "bbox", "score", "segmentation"}


def test_json_reads_back(found):
    rows = json.loads(found.to_json())
    assert len(rows) == len(found)
    assert rows[0]["class"] == found.class_names[0]
    assert_allclose(rows[0]["box"], found.boxes[0], atol=1e-3)


def test_prototypes_and_coefficients_explain_the_masks(found):
    logits = np.einsum("hwk,nk->nhw", found.prototypes, found.coefficients)
    probabilities = 1 / (1 + np.exp(-logits))
    inside = found.mask_probabilities > 0
    assert_allclose(found.mask_probabilities[inside], probabilities[inside], atol=1e-5)


def test_logits_are_enlarged_where_the_config_says_so(shapes_run, image, found):
    run = yolact_tf.load_run(shapes_run, ["detect.mask_upsampling=logits"])
    smooth = yolact_tf.Detector(run)(image)
    assert_allclose(smooth.boxes, found.boxes)
    logits = np.einsum("hwk,nk->nhw", smooth.prototypes, smooth.coefficients)
    enlarged = np.asarray(keras.ops.image.resize(logits[..., None], image.shape[:2]))[..., 0]
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    for mask, values, (x1, y1, x2, y2) in zip(smooth.masks, enlarged, smooth.boxes, strict=True):
        reach = np.divide(image.shape[:2], smooth.prototypes.shape[:2]) / 2
        is_kept = (np.abs(x - (x1 + x2) / 2) < (x2 - x1) / 2 + reach[1]) & (
            np.abs(y - (y1 + y2) / 2) < (y2 - y1) / 2 + reach[0]
        )
        differs = mask != ((values > 0) & is_kept)
        assert (np.abs(values[differs]) < 1e-3).all()


def test_masks_are_disjoint_where_the_config_says_so(shapes_run, image, found):
    run = yolact_tf.load_run(shapes_run, ["detect.disjoint=true"])
    apart = yolact_tf.Detector(run)(image)
    assert found.masks.sum(0).max() > 1 and apart.masks.sum(0).max() == 1
    assert_array_equal(apart.masks, found.disjoint().masks)


def test_drawing_changes_pixels_of_the_image_only_in_a_copy(found, image):
    before = image.copy()
    drawn = found.draw(image)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (drawn != image).any()
    assert_array_equal(image, before)


def test_supervision_is_asked_for_when_missing(found, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "supervision", None)
    with pytest.raises(ImportError, match=r"pip install 'yolact_tf\[supervision\]'"):
        found.to_supervision()


@pytest.mark.parametrize("shape", [(1, 1), (500, 30), (33, 400)])
def test_any_image_size(detector, shape):
    rng = np.random.default_rng(0)
    found = detector(rng.integers(0, 256, (*shape, 3), dtype="uint8"))
    assert found.masks.shape == (len(found), *shape)


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 3), "float32"), np.zeros((1, 4, 4, 3), "uint8"), None])
def test_what_is_no_rgb_image_is_refused(detector, bad):
    for image in (bad, [bad]):
        with pytest.raises(ValueError, match=r"must be a \[height, width, 3\] uint8 array"):
            detector(image)


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["shapes_run", "saved_model", "litert_file"])
def test_a_list_is_found_as_its_images_are_one_by_one(kind, request, image, shapes_data):
    path = request.getfixturevalue(kind)
    detector = (
        yolact_tf.Detector(yolact_tf.load_run(path))
        if kind == "shapes_run"
        else yolact_tf.Detector.from_artefact(path)
    )
    paths = sorted((shapes_data / "images").glob("val_*"))
    # Of one size and of others, more than are computed at once.
    images = [*paths, image[:90], Image.fromarray(image[:, :77]), image, image, paths[0].read_bytes()]
    together = detector(images)
    assert len(together) == len(images) == 9 and detector([]) == []
    assert [d.image_size for d in together[4:6]] == [(90, 128), (128, 77)]
    for one, found in zip(images, together, strict=True):
        rows = compare(detector(one), found)
        assert all(row.passes for row in rows), rows
    assert sum(map(len, together)) > 0


@pytest.mark.whole
def test_what_is_not_seen_of_images_is_said_once(shapes_run, image, caplog):
    detector = yolact_tf.Detector(yolact_tf.load_run(shapes_run))
    rgba = np.dstack([image, image[..., 0]])
    with caplog.at_level("WARNING"):
        first, second = detector([rgba, image])
        detector(rgba)
    assert_allclose(first.boxes, second.boxes, atol=1e-3)
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("yolact_tf")]
    assert line == "received an image with an alpha channel, which is dropped; this is said once"


def test_artefacts_answer_as_the_run(image, found, saved_model, litert_file):
    for artefact in (saved_model, litert_file):
        other = yolact_tf.Detector.from_artefact(artefact)
        assert other.labels == yolact_tf.Detector.from_artefact(saved_model).labels
        again = other(image)
        rows = compare(found, again)
        assert all(row.passes for row in rows), rows


def test_what_is_no_artefact_is_refused(tmp_path, shapes_data):
    with pytest.raises(FileNotFoundError, match="Expected an exported model"):
        yolact_tf.Detector.from_artefact(tmp_path / "nothing.tflite")
    with pytest.raises(ValueError, match="saved_model.pb"):
        yolact_tf.Detector.from_artefact(shapes_data)
