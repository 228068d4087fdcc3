"""An artefact gets its name only where it answers as its run does."""

import pytest

import yolact_tf
from yolact_tf.config import ExportRecipe
from yolact_tf.export import export_run
from yolact_tf.export.serving import Serving
from yolact_tf.export.verify import BeyondTolerance, Reference, require_verified, verification
from yolact_tf.images.decoding import read_image
from yolact_tf.runs import Run

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))[:1]]


def moved(described):
    """The function that describes detections, with boxes a hundredth further."""

    def spoilt(self, found):
        told = described(self, found)
        return {**told, "boxes": told["boxes"] + 0.01}

    return spoilt


@pytest.mark.parametrize(
    ("form", "name"), [("litert", "x.tflite"), ("saved_model", "x"), ("saved_model", "x/7")]
)
def test_an_artefact_beyond_tolerance_leaves_nothing(form, name, run, images, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(Serving, "_described", moved(Serving._described))
    with pytest.raises(BeyondTolerance, match="boxes"):
        export_run(
            run,
            ExportRecipe(format=form),
            tmp_path / name,
            check=lambda path: require_verified(path, run, images, told.append),
        )
    assert len(told) == 1 and not told[0].passes
    assert not list(tmp_path.iterdir())


def test_a_verified_version_appears_beside_the_others(run, images, saved_model, tmp_path):
    recipe = ExportRecipe(format="saved_model")
    seen = []

    def check(path):
        seen.append(path)
        assert (path / "saved_model.pb").is_file() and not (tmp_path / "model" / "1").exists()
        require_verified(path, run, images, lambda found: None)

    export_run(run, recipe, tmp_path / "model", check=check)
    assert len(seen) == 1 and (tmp_path / "model" / "1" / "saved_model.pb").is_file()


@pytest.fixture(scope="module")
def untrained(small_settings):
    """A run that finds nothing: of 80 classes each scores about a hundredth."""
    config = yolact_tf.load_config("tiny_256", [*small_settings, "model.num_classes=80"])
    return Run(yolact_tf.build_yolact(config), config, {i: f"class {i}" for i in range(1, 81)})


@pytest.mark.parametrize("outputs", ["detections", "heads"])
def test_a_run_that_finds_nothing_is_exported_and_its_network_compared(outputs, untrained, images, tmp_path):
    told = []
    recipe = ExportRecipe(format="litert", outputs=outputs)
    export_run(
        untrained,
        recipe,
        tmp_path / "untrained.tflite",
        check=lambda path: require_verified(path, untrained, images, told.append),
    )
    (found,) = told
    assert found.passes and found.num_detections == 0
    assert {"raw: class_logits (relative)", "raw: prototypes (relative)"} <= {
        row.output for row in found.differences
    }


def test_the_ap_that_an_artefact_loses_and_where_its_operations_run(run, images, litert_file, shapes_data):
    found = verification(litert_file, Reference(run), images, data=shapes_data)
    assert found.passes and found.accelerator == "cpu"
    assert set(found.average_precision) == {"box", "mask"}
    for of_run, of_artefact in found.average_precision.values():
        assert of_run == pytest.approx(of_artefact, abs=1e-3)
    assert {"box AP lost", "mask AP lost"} <= {row.output for row in found.differences}
    assert found.operations["CPU"] > 100
    assert (found.operations["Flex"], found.operations["custom"]) == (0, 0)
