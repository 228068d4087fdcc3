"""Verification passes on real artefacts, and on nothing else: each output is spoilt in turn."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import yolact_tf
from yolact_tf.detect.detections import Detections
from yolact_tf.export import to_litert
from yolact_tf.export.verify import Reference, compare, differences, sample_images, verify
from yolact_tf.export.verify.tolerances import INT8
from yolact_tf.images.decoding import read_image


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]


@pytest.fixture(scope="module")
def reference(run):
    return Reference(run)


@pytest.fixture(scope="module")
def artefact(saved_model):
    return yolact_tf.Detector.from_artefact(saved_model)


def with_nan(x):
    """`x` with NaN in the first image's first slot."""
    return tf.tensor_scatter_nd_update(x, [[0] * len(x.shape)], [np.nan])


SPOILT = {
    "nothing found": ("num_detections", tf.zeros_like),
    "boxes of nothing": ("boxes", tf.zeros_like),
    "boxes moved": ("boxes", lambda x: x + 1),
    "NaN in a box": ("boxes", with_nan),
    "scores of .99": ("scores", lambda x: x * 0 + 0.99),
    "NaN in a score": ("scores", with_nan),
    "counted without a score": ("scores", lambda x: tf.where(tf.range(x.shape[1]) < 2, x, 0)),
    "next classes": ("classes", lambda x: x + 1),
    "other names": ("class_names", lambda x: tf.strings.join(["\xff", x])),
    "no RLE": ("masks_rle", lambda x: tf.fill(tf.shape(x), "")),
    "RLE of another mask": ("masks_rle", lambda x: tf.fill(tf.shape(x), "0P1")),
    "no PNG": ("masks_png_bytes", lambda x: tf.fill(tf.shape(x), "")),
    "PNG of another size": (
        "masks_png_bytes",
        lambda x: tf.fill(tf.shape(x), tf.io.encode_png(tf.ones([3, 4, 1], tf.uint8))),
    ),
    "no mask": ("masks", tf.zeros_like),
    "NaN for masks": ("masks", lambda x: x * np.nan),
    "another size": ("image_size", lambda x: x[:, ::-1] + 1),
    "NaN in the network": ("class_logits", with_nan),
    "another network": ("prototypes", lambda x: x * 1.1),
}
OUTPUTS = {"num_detections", "boxes", "scores", "classes"}
OF_SIGNATURE = {
    "serving_default": OUTPUTS | {"class_names", "masks_rle", "image_size"},
    "explore": OUTPUTS | {"class_names", "masks_rle", "image_size"},
    "png": OUTPUTS | {"class_names", "masks_png_bytes", "image_size"},
    "tensors": OUTPUTS | {"masks"},
    "evaluation": OUTPUTS | {"masks"},
    "raw": {"class_logits", "prototypes"},
}
CASES = [(s, case) for s, names in OF_SIGNATURE.items() for case in SPOILT if SPOILT[case][0] in names]


def spoilt(signature, case):
    """`signature` with one output spoilt."""
    output, change = SPOILT[case]

    def answer(**inputs):
        found = signature(**inputs)
        return {**found, output: change(found[output])}

    return answer


@pytest.mark.whole
@pytest.mark.parametrize("artefact", ["saved_model", "litert_file"])
def test_verification_passes_on_real_artefacts(artefact, run, images, request):
    differences, compared = verify(request.getfixturevalue(artefact), run, images)
    assert compared > 0
    assert all(row.passes for row in differences), differences
    assert all(row.mean <= row.largest for row in differences)


def test_verification_fails_on_another_runs_artefact(run, shapes_run, images, litert_file):
    other = yolact_tf.load_run(shapes_run)
    for weight in other.model.get_layer("protonet").weights:
        weight.assign(-np.asarray(weight))
    for weight in other.model.get_layer("prediction_head").weights:
        weight.assign(0.9 * np.asarray(weight))
    differences, _ = verify(litert_file, other, images)
    assert not all(row.passes for row in differences)


def test_drawn_scenes_serve_where_no_data_is_given():
    scenes = sample_images(None, 2)
    assert [scene.shape for scene in scenes] == [(256, 256, 3)] * 2


@pytest.mark.whole
@pytest.mark.parametrize(("name", "case"), CASES)
def test_verification_fails_on_each_spoilt_output(name, case, reference, artefact, run, images, monkeypatch):
    signatures = artefact.engine.signatures
    monkeypatch.setattr(artefact.engine, "signatures", {**signatures, name: spoilt(signatures[name], case)})
    rows, compared = differences(reference, artefact, images[:1])
    failed = {row.output.partition(":")[0] for row in rows if not row.passes}
    assert compared and failed == {name}


@pytest.mark.whole
def test_verification_fails_on_a_spoilt_saved_model(run, images, saved_model, tmp_path):
    """A real file, which says of every image that nothing was found and of the network that it is NaN."""
    loaded = tf.saved_model.load(str(saved_model / "1"))
    module = tf.Module()
    module.loaded = loaded
    signatures = {}
    for name, signature in loaded.signatures.items():
        answer = spoilt(signature, "NaN in the network" if name == "raw" else "nothing found")
        spec = signature.structured_input_signature[1]
        signatures[name] = tf.function(answer).get_concrete_function(**spec)
    tf.saved_model.save(module, str(tmp_path / "1"), signatures)
    (tmp_path / "1" / "assets").mkdir(exist_ok=True)
    (tmp_path / "1" / "assets" / "labels.json").write_text(
        (saved_model / "1" / "assets" / "labels.json").read_text()
    )
    rows, _ = verify(tmp_path, run, images[:1])
    failed = {row.output.partition(":")[0] for row in rows if not row.passes}
    assert failed == set(OF_SIGNATURE)


@pytest.mark.whole
def test_a_nan_of_an_early_image_is_not_forgotten(reference, artefact, run, images, monkeypatch):
    signatures = artefact.engine.signatures
    answers = iter([spoilt(signatures["raw"], "NaN in the network"), signatures["raw"]])
    once = {**signatures, "raw": lambda **inputs: next(answers)(**inputs)}
    monkeypatch.setattr(artefact.engine, "signatures", once)
    rows, _ = differences(reference, artefact, images[:2])
    assert [row.output for row in rows if not row.passes] == ["raw: class_logits (relative)"]


@pytest.fixture
def deaf(run):
    """The run, where it finds nothing."""
    detect = dataclasses.replace(run.config.detect, score_threshold=1.0)
    return dataclasses.replace(run, config=dataclasses.replace(run.config, detect=detect))


@pytest.mark.whole
def test_of_a_run_that_finds_nothing_the_network_is_compared(deaf, images, tmp_path):
    path = to_litert(deaf, tmp_path / "deaf.tflite")
    rows, compared = verify(path, deaf, images[:1])
    assert compared == 0 and all(row.passes for row in rows)
    assert "raw: boxes of all anchors (relative)" in [row.output for row in rows]


def test_nothing_compared_is_a_failure(deaf, images, litert_file, monkeypatch):
    monkeypatch.setattr("yolact_tf.export.verify.artefact.open_inside", lambda engine: None)
    rows, compared = verify(litert_file, deaf, images[:1])
    assert compared == 0
    assert "nothing to compare" in [row.output for row in rows if not row.passes][-1]


FLOOR = 0.05


@pytest.fixture
def found():
    """Two sure detections, and 18 between the floor and what is compared one by one."""
    scores = np.array([0.9, 0.8, *np.linspace(0.09, FLOOR + 5e-4, 18)], "f")
    corners = np.arange(20, dtype="f")[:, None] * 4
    boxes = np.concatenate([corners, corners, corners + 20, corners + 20], 1)
    masks = np.tile(np.arange(8) < 4, [20, 8, 1]).astype("f")
    return Detections((100, 100), boxes, scores, np.ones(20, int), ("x",) * 20, masks)


def from_slot(found, first, **values):
    """`found` with values from slot `first`."""
    changed = {}
    for name, value in values.items():
        changed[name] = getattr(found, name).copy()
        changed[name][first:] = value
    return dataclasses.replace(found, **changed)


def all_faint(found):
    """`found` with a fainter one of each detection."""
    again = {name: np.concatenate([getattr(found, name)] * 2) for name in ("boxes", "class_ids")}
    scores = np.concatenate([found.scores, np.full(20, 0.07, "f")])
    masks = np.concatenate([found.mask_probabilities] * 2)
    return dataclasses.replace(
        found, scores=scores, class_names=("x",) * 40, mask_probabilities=masks, **again
    )


FAINT = {
    "not there": lambda found: found[:2],
    "moved": lambda found: from_slot(found, 2, boxes=[0, 0, 9, 9]),
    "of another class": lambda found: from_slot(found, 2, class_ids=2),
    "of another score": lambda found: from_slot(found, 2, scores=0.06),
    "masks of everything": lambda found: from_slot(found, 2, mask_probabilities=1),
    "more than there are": all_faint,
}


@pytest.mark.parametrize("case", FAINT)
def test_faint_detections_that_differ_are_a_failure(case, found):
    rows = compare(found, FAINT[case](found), FLOOR)
    assert [row.output for row in rows if not row.passes] == ["fainter detections (share)"]


def test_the_share_of_changed_mask_pixels_is_that_of_all_masks_together(found):
    """Masks are 20 x 20 boxes, the left half of each set: a moved edge counts by the pixels that it moves."""
    wider = found.mask_probabilities.copy()
    wider[0, :, :5] = 1
    rows = {row.output: row for row in compare(found, dataclasses.replace(found, mask_probabilities=wider))}
    row = rows["masks (1 - IoU; mean: pixels changed)"]
    first, second = found.masks[:2], dataclasses.replace(found, mask_probabilities=wider).masks[:2]
    changed, either = (first ^ second).sum(), (first | second).sum()
    assert changed and row.mean == pytest.approx(changed / either)
    assert row.largest == pytest.approx((first[0] ^ second[0]).sum() / (first[0] | second[0]).sum())


def test_one_lost_detection_of_two_is_half(found):
    rows = compare(found[:2], found[:1], tolerances=INT8)
    row = next(row for row in rows if row.output == "missing or extra detections")
    assert (row.largest, row.mean, row.passes) == (1, 0.5, False)


def test_which_of_near_ties_stay_is_no_failure(found):
    without_one = found[np.arange(20) != 10]
    for expected, received in ((found, found), (found, without_one), (without_one, found)):
        assert all(row.passes for row in compare(expected, received, FLOOR))
    assert all(row.passes for row in compare(found[:0], found[:0], FLOOR))
    for count in (19, 20):  # the last may be below the floor of the other side
        assert all(row.passes for row in compare(found[:count], found[:19], FLOOR))


@pytest.mark.parametrize("name", ["boxes", "scores", "mask_probabilities", "rescored"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_value_that_is_no_number_is_a_failure_in_any_slot(name, value, found):
    found = dataclasses.replace(found, rescored=found.scores)
    rows = compare(found, from_slot(found, 19, **{name: value}), FLOOR)
    assert "detections that are not finite" in [row.output for row in rows if not row.passes]
